import type { MessageLoad } from '../../diagnostics/stats.ts';
import { formatNumber } from '../../errors/number-text.ts';
import { ErrorCode } from '../../errors/task-queue-error.ts';
import { AmqpFailure } from '../errors/amqp-failure.ts';

/** Bytes of all waiting messages. A single larger message may wait alone. */
const MAX_BYTES = 128 * 1024 * 1024;

/** Bounds how many operations, and how many bytes of messages, wait while the broker is away. */
export class WaitingLimit {
  readonly #max: number;
  #count = 0;
  #bytes = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get load(): MessageLoad {
    return { messages: this.#count, bytes: this.#bytes };
  }

  /**
   * Counts one more operation, until {@link leave}.
   * @param bytes of the message that it keeps in memory
   * @throws TaskQueueError `TOO_MANY_WAITING`
   */
  enter(bytes = 0): void {
    if (this.#count >= this.#max) {
      throw refusal(`${formatNumber(this.#max)} operations`, 'maxWaitingOperations is the limit.');
    }
    if (this.#bytes > 0 && this.#bytes + bytes > MAX_BYTES) {
      throw refusal(
        `${formatNumber(this.#bytes)} bytes of messages`,
        `The limit is ${formatNumber(MAX_BYTES)}.`,
      );
    }
    this.#count++;
    this.#bytes += bytes;
  }

  leave(bytes = 0): void {
    this.#count--;
    this.#bytes -= bytes;
  }
}

function refusal(waiting: string, limit: string): AmqpFailure {
  return new AmqpFailure(ErrorCode.tooManyWaiting, `${waiting} are already waiting for the broker`, {
    hint: `Is it reachable, and is it accepting messages? Wait for some to finish. ${limit}`,
  });
}
