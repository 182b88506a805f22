import { ErrorCode, hasCode } from '../../errors/task-queue-error.ts';
import type { QueueKind } from '../../options/client-options.ts';
import { AmqpFailure } from '../errors/amqp-failure.ts';
import { ExpiringMap } from '../expiring-map.ts';
import { findQueueKind } from './queue-kind.ts';
import type { QueueReader } from './queue-reader.ts';

const KIND_MS = 60_000;
const MAX_KINDS = 1_000;

/** What kinds of queues there are, known for a minute. */
export class QueueKinds {
  readonly #probes: QueueReader;
  readonly #known = new ExpiringMap<QueueKind>(KIND_MS, MAX_KINDS);

  /** @param probes asks in the middle of other work, while that holds a channel */
  constructor(probes: QueueReader) {
    this.#probes = probes;
  }

  /**
   * What kind of queue it is; `undefined` if it does not exist. Cached for a minute, as each answer costs a channel
   * and a line in the broker's log.
   * @throws TaskQueueError `ACCESS_REFUSED` for a user without permission to configure the queue
   */
  async kind(queue: string): Promise<QueueKind | undefined> {
    return this.known(queue) ?? this.kindNow(queue);
  }

  /**
   * To be called before a consumer that leaves messages behind.
   * @returns what kind of queue it is; unknown without permission to configure the queue
   * @throws AmqpFailure `UNSUPPORTED` for a stream, and for an auto-delete queue, which RabbitMQ deletes with its messages
   * when its last consumer ends
   */
  async refuseUnreadable(queue: string): Promise<QueueKind | undefined> {
    const kind = await this.kind(queue).catch((error) => {
      if (hasCode(error, ErrorCode.accessRefused)) return undefined;
      throw error;
    });
    if (kind?.kind === 'stream') throw streamFailure(queue);
    if (!kind?.ownArguments.includes('auto_delete')) return kind;
    throw new AmqpFailure(
      ErrorCode.unsupported,
      `the queue ${queue} is an auto-delete queue: RabbitMQ would delete it, with all its messages, when this reader ends`,
      {
        hint: 'Get its messages without a consumer, as "rabbitmqadmin get" does, or have its publisher declare it without auto_delete.',
      },
    );
  }

  /** As {@link kind}, but never from the cache. */
  async kindNow(queue: string): Promise<QueueKind | undefined> {
    const kind = await findQueueKind(queue, (work) => this.#probes.read({ missing: undefined }, work));
    if (kind === undefined) this.#known.delete(queue);
    else this.#known.set(queue, kind);
    return kind;
  }

  /**
   * As {@link kindNow}, once the queue itself has answered: a declaration is compared with what the broker knows of a queue,
   * for a moment also when its node is down.
   * @throws TaskQueueError `QUEUE_UNAVAILABLE` when it is
   */
  async kindOfAnswering(queue: string): Promise<QueueKind | undefined> {
    const depth = await this.#probes.depth(queue);
    return depth && this.kindNow(queue);
  }

  /**
   * To be called before a `basic.get`: RabbitMQ closes the connection that gets from a stream (540). Asks nothing, so that
   * it knows only of queues that {@link kind} or {@link kindNow} was asked about.
   * @throws AmqpFailure `UNSUPPORTED`
   */
  refuseStream(queue: string): void {
    if (this.known(queue)?.kind === 'stream') throw streamFailure(queue);
  }

  /** @returns what kind of queue it was when it was last asked about; `undefined` if that is over a minute ago */
  known(queue: string): QueueKind | undefined {
    return this.#known.get(queue);
  }
}

export function streamFailure(queue: string): AmqpFailure {
  return new AmqpFailure(
    ErrorCode.unsupported,
    `the queue ${queue} is a stream: it cannot be read like a queue`,
    { hint: 'Use a stream client.' },
  );
}
