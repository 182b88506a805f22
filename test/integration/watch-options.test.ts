import { describe, expect, test } from 'vitest';
import { watchTasks } from '../../src/index.ts';
import { newTask, openClient } from '../support/tasks.ts';

describe('watchTasks refuses', () => {
  test.each([Number.NaN, -1, 1.5, Number.POSITIVE_INFINITY])('a tail of %s', async (tail) => {
    await expect(watchTasks(openClient(), [newTask()], { tail }).next()).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: `Option tail must be a whole number, 0 or more, not ${tail}`,
    });
  });

  test.each([
    ['apiTimeoutMs', { apiTimeoutMs: Number.NaN }],
    ['apiTimeoutMs', { apiTimeoutMs: Number.POSITIVE_INFINITY }],
    ['management API URL', { apiUrl: 'ftp://x' }],
  ])('an unusable %s, before it connects', async (name, api) => {
    const client = openClient({ url: 'amqp://127.0.0.1:1' });
    await expect(watchTasks(client, [], { api }).next()).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(name),
    });
  });
});
