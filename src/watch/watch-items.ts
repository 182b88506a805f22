import type { TaskQueueError } from '../errors/task-queue-error.ts';
import type { StoredMessage } from '../messages/stored-message.ts';
import type { MessageProperties } from '../properties/message-properties.ts';

/** What a watcher sees, in the order in which it sees it. */
export type WatchItem =
  | {
      kind: 'message';
      /** How it was noticed: there from the start, told by an event, or found by looking at the queue. */
      source: 'existing' | 'live' | 'found';
      message: StoredMessage;
    }
  /** A message that is too large for its event to carry the body. It is in its queue as ever. */
  | { kind: 'large-message'; taskId: string; bodyBytes: number; properties: MessageProperties }
  /** Messages were taken by a reader. Only with `removals`. */
  | { kind: 'dequeued'; taskId: string; count: number; messageId: string | undefined }
  /** All messages were removed, and the queue unless it was kept. Only with `removals`. */
  | { kind: 'cleared'; taskId: string; count: number }
  /**
   * Something may have happened that was not seen, at this place in the order. `missed`: exactly so many messages, or so
   * many that were there already.
   */
  | { kind: 'gap'; taskId: string | undefined; reason: string; missed?: number }
  /** The connection to the broker was lost. Watching goes on when it is back. */
  | { kind: 'interrupted'; error: TaskQueueError }
  /** The connection is back, after so many milliseconds. */
  | { kind: 'resumed'; afterMs: number };
