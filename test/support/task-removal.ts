import { inject } from 'vitest';
import { queueOf, RawAmqp } from './raw-amqp.ts';

const taskIds: string[] = [];
/** One connection for the tests of a file: opening one costs the broker and this process more than all else here. */
let connection: RawAmqp | undefined;

/** Has the queue of a task deleted after the test, whatever is in it, and that of its malformed messages. */
export function removeAfterTest(taskId: string): void {
  taskIds.push(taskId);
}

/** After each test, when its clients are closed. */
export async function removeTasks(): Promise<void> {
  const queues = taskIds.splice(0).flatMap((taskId) => [queueOf(taskId), queueOf(`${taskId}:malformed`)]);
  if (queues.length === 0) return;
  if (!connection?.isOpen) connection = await RawAmqp.connect(inject('url'));
  const amqp = connection;
  await Promise.all(queues.map((queue) => amqp.delete(queue)));
}

/** After the tests of a file. */
export async function closeRemoval(): Promise<void> {
  await connection?.close();
  connection = undefined;
}
