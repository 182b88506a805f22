import { setTimeout as sleep } from 'node:timers/promises';
import type { StoredMessage } from './stored-message.ts';
import { MAX_PEEK, type TaskQueueClient } from './task-queue-client.ts';

export interface WatchTasksOptions {
  /** Stops watching; the iteration ends then, without an error. */
  signal?: AbortSignal;
  /** Begin with so many of the messages that are there already, for each task. Default 0. */
  tail?: number;
}

/** Something that happened to a task. */
export interface TaskEvent {
  kind: 'enqueued';
  message: StoredMessage;
}

const POLL_MS = 500;

/**
 * Follows the messages of tasks. Takes nothing: it looks at the depth of the queues, and peeks at one when it
 * has grown. A message that comes and goes between two looks is missed.
 */
export async function* watchTasks(
  client: TaskQueueClient,
  taskIds: readonly string[],
  { signal, tail = 0 }: WatchTasksOptions = {},
): AsyncGenerator<TaskEvent> {
  const watched = taskIds.map((taskId) => ({ taskId, depth: 0, seen: new Set<string>(), isFirst: true }));
  while (!signal?.aborted) {
    for (const task of watched) {
      const depth = (await client.depth(task.taskId))?.messages ?? 0;
      const isSame = depth === task.depth && !task.isFirst;
      task.depth = depth;
      if (isSame) continue;
      const messages = depth === 0 ? [] : await client.peek(task.taskId, { limit: MAX_PEEK });
      const fresh = messages.filter((message) => !task.seen.has(fingerprint(message)));
      task.seen = new Set(messages.map(fingerprint));
      const shown = task.isFirst ? fresh.slice(tail === 0 ? fresh.length : -tail) : fresh;
      task.isFirst = false;
      for (const message of shown) yield { kind: 'enqueued', message };
    }
    await sleep(POLL_MS, undefined, signal && { signal }).catch(() => {});
  }
}

function fingerprint({ properties, body }: StoredMessage): string {
  return properties.message_id ?? body.toString('base64');
}
