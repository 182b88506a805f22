import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';
import { aFunction, checkOptions, text } from '../options/check-options.ts';
import type { TaskQueueOptions } from '../options/task-queue-options.ts';
import type { MessageOrigin } from './sdk-shapes.ts';

/** For {@link Replicas}. */
export interface ReplicasOptions extends TaskQueueOptions {
  /**
   * Key that seals the addresses of answers: at least 16 random bytes, secret, the same in every replica and after
   * every restart.
   */
  secret: string | Buffer;
  /**
   * Returns the user on whose behalf a message arrives, if the server knows: a task's messages are delivered only to
   * the user who created it, and an answer counts only from the user to whom the question was delivered. Use anything
   * that stays the same as long as the user's tasks, such as a token's subject. Default: the client id of the
   * authentication, which many users may share. Unlike other options, null is refused: nobody is meant to do without users
   * by mistake.
   */
  principal?: ((origin: MessageOrigin) => string | undefined) | undefined;
}

const MIN_SECRET_BYTES = 16;

/** A message whose confirm did not come is published again: two of the same question count as one. */
const RETRY_UNCONFIRMED_MS = 30_000;

/** {@link ReplicasOptions}, and those of them that are for the queues. */
export interface ResolvedReplicasOptions {
  secret: string | Buffer;
  principal: (origin: MessageOrigin) => string | undefined;
  queueOptions: TaskQueueOptions;
}

const CHECKS = { secret: text, principal: aFunction };

/** @throws TaskQueueError `INVALID_ARGUMENT` */
export function resolveReplicasOptions(options: ReplicasOptions): ResolvedReplicasOptions {
  if (typeof options !== 'object' || options === null) {
    throw new TaskQueueError(ErrorCode.invalidArgument, 'Replicas needs an object of options');
  }
  const { secret, principal = ({ authInfo }: MessageOrigin) => authInfo?.clientId } = options;
  const checked: TaskQueueOptions = checkOptions<ReplicasOptions>(options, CHECKS);
  if (principal === null) {
    throw new TaskQueueError(ErrorCode.invalidArgument, 'Option principal must be a function');
  }
  if (Buffer.byteLength(secret ?? '') < MIN_SECRET_BYTES) {
    throw new TaskQueueError(
      ErrorCode.invalidArgument,
      `Option secret must have at least ${MIN_SECRET_BYTES} bytes`,
      { hint: 'Make one with: openssl rand -base64 32. Every replica needs the same one.' },
    );
  }
  const retryUnconfirmedMs = checked.retryUnconfirmedMs ?? RETRY_UNCONFIRMED_MS;
  return { secret, principal, queueOptions: { ...checked, retryUnconfirmedMs } };
}
