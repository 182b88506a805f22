import { randomUUID } from 'node:crypto';
import { inject, onTestFinished } from 'vitest';
import { RawAmqp } from './raw-amqp.ts';
import { removeAfterTest } from './task-removal.ts';

export { queueOf } from './raw-amqp.ts';

/** A connection of the test broker that is closed after the test. */
export async function openRawAmqp(url = inject('url')): Promise<RawAmqp> {
  const amqp = await RawAmqp.connect(url);
  onTestFinished(() => amqp.close());
  return amqp;
}

/** A task of this test alone whose queue is deleted after the test, whatever is in it. Without a queue, so far. */
export function newRawTask(name: string): string {
  const taskId = `${name}-${randomUUID()}`;
  removeAfterTest(taskId);
  return taskId;
}
