import type { ErrorCode } from '../../errors/task-queue-error.ts';

/** What a failure means. */
export interface Outcome {
  code: ErrorCode;
  /** What is wrong, as the end of a sentence. */
  reason: string;
  /** The reason has all that the broker says. */
  isComplete?: true;
  /** What to do about it; the library's options are named as in TaskQueueOptions. */
  hint?: string | undefined;
}

/** A way of saying no, and what it means. */
export interface Refusal {
  /** AMQP reply code; none for what amqplib says by itself. */
  reply?: number;
  text?: RegExp;
  outcome: Outcome | ((match: RegExpExecArray, failure: Failure) => Outcome);
}

/** Of amqplib: a channel or connection that the broker closed has the reply code, and what it was about. */
export interface Failure {
  code?: unknown;
  classId?: unknown;
  methodId?: unknown;
  text: string;
}

/** `1 queue`, `2 queues`. */
export function counted(limit: string | undefined, what: string): string {
  return `${limit} ${what}${limit === '1' ? '' : 's'}`;
}
