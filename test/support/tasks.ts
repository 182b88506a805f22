import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import { RabbitMQTaskMessageQueue, TaskQueueClient, type TaskQueueOptions } from '../../src/index.ts';
import type { QueuedNotification } from '../../src/messages/queued-message.ts';

const closers: (() => Promise<unknown>)[] = [];

/** Closes and removes what the test has opened, the latest first. */
export async function closeTasks(): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close();
}

/** A client of the test broker that is closed after the test. */
export function openClient(options: TaskQueueOptions = {}): TaskQueueClient {
  const client = new TaskQueueClient({ url: inject('url'), ...options });
  closers.push(() => client.close());
  return client;
}

/** A queue of the test broker that is closed after the test. */
export function openQueue(options: TaskQueueOptions = {}): RabbitMQTaskMessageQueue {
  const queue = new RabbitMQTaskMessageQueue({ url: inject('url'), ...options });
  closers.push(() => queue.close());
  return queue;
}

/** A task of this test alone, whose queue is gone after the test, with whatever is in it. */
export function newTask(name = 'task'): string {
  const taskId = `${name}-${randomUUID()}`;
  closers.push(async () => {
    const client = new TaskQueueClient({ url: inject('url') });
    for (const id of [taskId, `${taskId}:malformed`]) {
      await client.drain(id, () => {});
      await client.deleteIfUnused(id);
    }
    await client.close();
  });
  return taskId;
}

/** A notification that says which one it is. */
export function numbered(index: number): QueuedNotification {
  return {
    type: 'notification',
    timestamp: 1_767_225_600_000 + index,
    message: { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: index } },
  };
}

/** A raw message with this text as its body. */
export function raw(text: string) {
  return { body: Buffer.from(text), properties: { delivery_mode: 2 } };
}
