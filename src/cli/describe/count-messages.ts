import type { StoredMessage } from '../../index.ts';
import { type MessageSummary, summarize } from '../text/message-summary.ts';

/** What `describe` shows of one message. */
export type MessageGlimpse = Pick<MessageSummary, 'type' | 'method' | 'id' | 'queuedAt'>;

export interface MessageGroup {
  type: string;
  method: string | undefined;
  count: number;
}

export interface MessageCounts {
  lookedAt: number;
  /** Whether every ready message was looked at. */
  isAll: boolean;
  oldest: MessageGlimpse | undefined;
  /** Unknown unless all messages were looked at. */
  newest: MessageGlimpse | undefined;
  /** Most frequent first. */
  groups: readonly MessageGroup[];
  bytes: number;
}

/** @param ready how many messages are ready in all */
export function countMessages(messages: readonly StoredMessage[], ready: number): MessageCounts {
  const groups = new Map<string, MessageGroup>();
  let oldest: MessageGlimpse | undefined;
  let newest: MessageGlimpse | undefined;
  let bytes = 0;
  for (const message of messages) {
    const { type, method, id, queuedAt, size } = summarize(message);
    const glimpse = { type, method, id, queuedAt };
    bytes += size;
    // If times are missing or equal, the queue's order decides.
    if (oldest === undefined || isBefore(queuedAt, oldest.queuedAt)) oldest = glimpse;
    if (newest === undefined || !isBefore(queuedAt, newest.queuedAt)) newest = glimpse;
    const key = JSON.stringify([type, method]);
    const group = groups.get(key) ?? { type, method, count: 0 };
    group.count++;
    groups.set(key, group);
  }
  const isAll = messages.length >= ready;
  return {
    lookedAt: messages.length,
    isAll,
    oldest,
    newest: isAll ? newest : undefined,
    groups: [...groups.values()].sort((a, b) => b.count - a.count),
    bytes,
  };
}

function isBefore(a: number | undefined, b: number | undefined): boolean {
  return a !== undefined && b !== undefined && a < b;
}
