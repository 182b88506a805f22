import { describe, expect, test } from 'vitest';
import { runCli } from '../support/cli.ts';
import { newTask, numbered, observer, openQueue } from '../support/tasks.ts';

describe('a task without a queue', () => {
  test.each([
    ['dequeue', undefined],
    ['peek', undefined],
    ['isEmpty', true],
    ['size', 0],
    ['dequeueAll', []],
    ['clear', []],
  ] as const)('is empty for %s, which creates none', async (method, result) => {
    const task = newTask();
    expect(await openQueue()[method](task)).toEqual(result);
    expect(await observer().depth(task)).toBeUndefined();
  });

  test.each(['peek', 'dequeue', 'clear'])(
    'is no such task for the command %s, which creates none',
    async (command) => {
      const task = newTask();
      const { status, stderr } = await runCli([command, task, ...(command === 'clear' ? ['--yes'] : [])]);
      expect(status).toBe(5);
      expect(stderr).toContain('has no queue');
      expect(await observer().depth(task)).toBeUndefined();
    },
  );
});

describe('a finished task', () => {
  test.each(['dequeueAll', 'clear'] as const)('leaves nothing behind after %s', async (method) => {
    const queue = openQueue();
    const task = newTask();
    for (let index = 0; index < 3; index++) await queue.enqueue(task, numbered(index));
    expect(await queue[method](task)).toEqual([numbered(0), numbered(1), numbered(2)]);
    expect(await observer().depth(task)).toBeUndefined();
  });
});
