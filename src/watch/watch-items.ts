import { formatCount } from '../errors/number-text.ts';
import type { TaskQueueError } from '../errors/task-queue-error.ts';
import type { TaskEvent } from '../events/task-events.ts';
import type { StoredMessage } from '../messages/stored-message.ts';
import type { MessageProperties } from '../properties/message-properties.ts';

/** What a watcher sees, in the order in which it sees it. `at`: when it happened, in milliseconds by the publisher's clock. */
export type WatchItem =
  | {
      kind: 'message';
      /** How it was noticed: there from the start, announced by an event, or found by a look at the queue. */
      source: 'existing' | 'live' | 'found';
      /** When it was stored; only an event says so. */
      at?: number;
      message: StoredMessage;
    }
  /** A message that is too large for its event to carry the body. It is in its queue like any other. */
  | { kind: 'large-message'; taskId: string; at: number; bodyBytes: number; properties: MessageProperties }
  /** Messages were taken by a reader. Only with `removals`. */
  | { kind: 'dequeued'; taskId: string; at: number; count: number; messageId: string | undefined }
  /** All messages were removed, and the queue unless it was kept. Only with `removals`. */
  | { kind: 'cleared'; taskId: string; at: number; count: number }
  /** Something was not seen, at this place in the order. `missed`: how many messages, where that is known; it is exact. */
  | { kind: 'gap'; taskId: string | undefined; reason: string; missed?: number }
  /** The connection to the broker was lost. The watch resumes when it is back. */
  | { kind: 'interrupted'; error: TaskQueueError }
  /** The connection is back, after this many milliseconds. */
  | { kind: 'resumed'; afterMs: number };

/** What an event announces. */
export function itemOf(event: TaskEvent): WatchItem {
  const { taskId, at } = event;
  if (event.event === 'cleared') return { kind: event.event, taskId, at, count: event.count };
  if (event.event === 'dequeued')
    return { kind: event.event, taskId, at, count: event.count, messageId: event.messageId };
  const { body, bodyBytes, properties, propertyList } = event;
  if (body === undefined) return { kind: 'large-message', taskId, at, bodyBytes, properties };
  const message = { taskId, body, properties, ...(propertyList && { propertyList }), redelivered: false };
  return { kind: 'message', source: 'live', at, message };
}

export function notShown(taskId: string | undefined, missed: number, which: string, why: string): WatchItem {
  return {
    kind: 'gap',
    taskId,
    missed,
    reason: `${formatCount(missed, 'message')}${which}, not shown: ${why}`,
  };
}
