import type { StoredMessage } from './stored-message.ts';

export interface PublishOptions {
  /** Declare the task's queue when it is missing. Default true. */
  create?: boolean;
  /**
   * Refuse when the queue holds this many messages or more. Exact among the publishes of this client; across
   * processes it is a check and then a publish. A policy with `max-length` and `overflow: reject-publish` is
   * exact everywhere, and its refusal is the same error.
   */
  maxSize?: number | undefined;
}

export interface PeekOptions {
  /** How many, at most 1000 together with `skip`. Default 1. */
  limit?: number;
  /** How many of the oldest to leave out. Default 0. */
  skip?: number;
}

export interface DrainOptions {
  /** At most this many. Default: as many as there are at the start. */
  limit?: number;
  /** The largest batch. Default 500. */
  batchSize?: number;
  /**
   * Remove only these; the others stay at their place, but nobody else sees them until the drain is over. All
   * that is in the queue is read for it. On a quorum queue each time counts as a delivery, as with a peek.
   */
  select?: (message: StoredMessage) => boolean;
  /** Hand everything over in one batch, so that it is acknowledged together or not at all. */
  whole?: boolean;
  /** Stop between two batches. */
  signal?: AbortSignal;
}

export interface ClearOptions extends DrainOptions {
  /** Leave the empty queue where it is. */
  keepQueue?: boolean;
}

/** Takes care of a batch: writes it somewhere, say. Rejecting keeps the batch in the queue. */
export type BatchHandler = (batch: StoredMessage[]) => Promise<void> | void;

/** Listens until it is closed, or its client is. */
export interface TaskEventSubscription {
  /** Events of a task, or without one of all tasks. Some of others may come too. */
  follow(taskId?: string): Promise<void>;
  unfollow(taskId?: string): Promise<void>;
  close(): Promise<void>;
}

export interface QueueDepth {
  /** Messages that are ready; those that a reader holds unacknowledged are not among them. */
  messages: number;
  consumers: number;
}

/** What peek holds while it looks is missing for everybody else, so it does not hold more. */
export const MAX_PEEK = 1000;
