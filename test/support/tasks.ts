import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import { RabbitMQTaskMessageQueue, TaskQueueClient, type TaskQueueOptions } from '../../src/index.ts';
import type { QueuedNotification } from '../../src/messages/queued-message.ts';
import { removeAfterTest, removeTasks } from './task-removal.ts';

const closers: (() => Promise<unknown>)[] = [];

/** Closes and removes what the test has opened, the latest first. */
export async function closeTasks(): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close();
  await removeTasks();
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

let observers: { client?: TaskQueueClient; queue?: RabbitMQTaskMessageQueue } = {};

/** The client of this file that only looks: who asks again and again opens no connection for each time. */
export function observer(): TaskQueueClient {
  observers.client ??= new TaskQueueClient({ url: inject('url') });
  return observers.client;
}

/** The same with a queue. */
export function queueObserver(): RabbitMQTaskMessageQueue {
  observers.queue ??= new RabbitMQTaskMessageQueue({ url: inject('url') });
  return observers.queue;
}

/** After the tests of a file. */
export async function closeObservers(): Promise<void> {
  const { client, queue } = observers;
  observers = {};
  await Promise.all([client?.close(), queue?.close()]);
}

/** A task of this test alone, whose queue is gone after the test, with whatever is in it. */
export function newTask(name = 'task'): string {
  const taskId = `${name}-${randomUUID()}`;
  removeAfterTest(taskId);
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

/** The `message_id`s of a task, by removing its messages. */
export async function drainedIds(task: string): Promise<string[]> {
  const ids: string[] = [];
  await observer().drain(task, (batch) => {
    for (const { properties } of batch) ids.push(properties.message_id as string);
  });
  return ids;
}
