import { expect, test, vi } from 'vitest';
import { TaskQueueClient } from '../../src/index.ts';

vi.mock('amqplib', async (importOriginal) => {
  const { default: amqplib } = await importOriginal<{ default: object }>();
  return { default: amqplib };
});

test.each(['amqp://127.0.0.1:1', 'amqp://127.0.0.1:1?auth_mechanism=external'])(
  'of amqplib, the default export is enough to connect to %s: esbuild has no other when it splits',
  async (url) => {
    await expect(new TaskQueueClient(url).depth('a')).rejects.toThrow('nothing listens there');
  },
);
