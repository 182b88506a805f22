import { LoadLimit } from '../../concurrency/load-limit.ts';
import { ErrorCode } from '../../errors/task-queue-error.ts';
import { AmqpFailure } from '../errors/amqp-failure.ts';

/** Bounds how many operations, and how many bytes of messages, wait while the broker is away. */
export class WaitingLimit extends LoadLimit {
  /** @throws AmqpFailure `TOO_MANY_WAITING` */
  override enter(bytes = 0): void {
    super.enter(bytes, refusal);
  }
}

function refusal(waiting: string, limit: string): AmqpFailure {
  return new AmqpFailure(ErrorCode.tooManyWaiting, `${waiting} are already waiting for the broker`, {
    hint: `Is it reachable, and is it accepting messages? Wait for some to finish. ${limit}`,
  });
}
