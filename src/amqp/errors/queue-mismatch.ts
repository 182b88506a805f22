import { ErrorCode } from '../../errors/task-queue-error.ts';
import type { Outcome } from './outcome.ts';

/** What a queue that is there differs in, and what to do about that. */
export function mismatch(argument = '', rest = ''): Outcome {
  const outcome = (reason: string, hint: string) => ({ code: ErrorCode.queueMismatch, reason, hint });
  if (argument !== 'x-queue-type') {
    return outcome(
      `the queue exists with a different ${argument} than requested`,
      'Another program created it that way. Publish with create: false, or delete the queue; limits and expiry belong in a policy, which never conflicts.',
    );
  }
  const current = /but current is (?:the value )?'?(\w+)/.exec(rest)?.[1];
  if (current === 'quorum') {
    return outcome('the queue is a quorum queue', 'Use queueType quorum to publish to it.');
  }
  const isKnown = current === 'none' || current === 'classic' || current === 'stream';
  return outcome(
    isKnown
      ? `the queue is a ${current === 'stream' ? 'stream' : 'classic queue'}`
      : 'the queue is of another type',
    'Leave queueType at its default for classic queues, set it to "quorum" for quorum queues; to change the type, delete the queue.',
  );
}
