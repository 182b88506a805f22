import { ErrorCode } from '../../errors/task-queue-error.ts';
import { AmqpFailure } from '../errors/amqp-failure.ts';

/**
 * The outcome of `work`, or the rejection made by `onTimeout` when it has none after `timeoutMs`. The work
 * itself goes on; what it settles to later is ignored.
 */
export function withDeadline<T>(work: Promise<T>, timeoutMs: number, onTimeout: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(onTimeout()), timeoutMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

export function timeoutError(ms: number): AmqpFailure {
  return new AmqpFailure(ErrorCode.noAnswer, `RabbitMQ did not answer within ${ms} ms`, {
    hint: 'Check for a resource alarm, an overloaded broker, a quorum queue without a leader, or a network that drops packets.',
  });
}
