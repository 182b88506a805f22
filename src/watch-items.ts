import type { TaskQueueError } from './errors.ts';
import type { MessageProperties, StoredMessage } from './stored-message.ts';

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
  | { kind: 'dequeued'; taskId: string; count: number; messageId: string | undefined }
  | { kind: 'cleared'; taskId: string; count: number }
  /** Something may have happened that was not seen. */
  | { kind: 'gap'; taskId: string | undefined; reason: string }
  | { kind: 'interrupted'; error: TaskQueueError }
  | { kind: 'resumed'; afterMs: number };
