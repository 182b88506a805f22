import { describe, expect, test } from 'vitest';
import { queueName, taskIdOf } from '../../src/messages/queue-names.ts';

describe('the queue of a task', () => {
  test('is named by the prefix of the Python package and the task id', () => {
    expect(queueName('786512e2-9e0d-44bd-8f29-789f320fe840')).toBe(
      'mcp:queue:786512e2-9e0d-44bd-8f29-789f320fe840',
    );
    expect(queueName('a', 'other:')).toBe('other:a');
  });

  test.each(['a.b', 'a*b', '[x](y)', '100%', 'ünï', 'with space', `quo"t'es`, 'a/b', '🐇'])(
    'takes %j as it is, and back',
    (id) => {
      expect(taskIdOf(queueName(id))).toBe(id);
    },
  );

  test.each([
    ['', 'empty'],
    ['a\nb', 'control character'],
    ['a\rb', 'control character'],
    ['a\u0000', 'control character'],
    ['a\u009bb', 'control character'],
    ['a\ud800', 'lone surrogate'],
    ['a'.repeat(246), '256 bytes'],
    ['ü'.repeat(123), '256 bytes'],
  ])('refuses %j', (id, reason) => {
    expect(() => queueName(id)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    expect(() => queueName(id)).toThrow(reason);
  });

  test('has at most 255 bytes, whatever the prefix', () => {
    expect(Buffer.byteLength(queueName('a'.repeat(245)))).toBe(255);
    expect(Buffer.byteLength(queueName('ü'.repeat(122)))).toBe(254);
    expect(() => queueName('a'.repeat(250), 'prefix:')).toThrow('257 bytes');
  });

  test('recognises queues that do not belong to a task', () => {
    expect(taskIdOf('orders')).toBeUndefined();
    expect(taskIdOf('mcp:queue:')).toBeUndefined();
    expect(taskIdOf('mcp:queue:a', 'other:')).toBeUndefined();
  });
});
