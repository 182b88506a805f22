import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { SharedRuns } from '../../concurrency/shared-runs.ts';
import { Turns } from '../../concurrency/turns.ts';
import type { ClientStats } from '../../diagnostics/stats.ts';
import { pauseAfter, retry } from '../../errors/retry.ts';
import { ErrorCode, hasCode } from '../../errors/task-queue-error.ts';
import type { PreparedMessage } from '../../messages/prepared-message.ts';
import type { PublishOptions, QueueDepth } from '../../options/client-options.ts';
import { type ResolvedOptions, turnTimeoutMs } from '../../options/task-queue-options.ts';
import { WaitingLimit } from '../connection/waiting-limit.ts';
import { ExpiringMap } from '../expiring-map.ts';
import type { QueueDeclarer } from '../queues/queue-declarer.ts';
import type { ConfirmedPublisher } from './confirmed-publisher.ts';
import { OrderedResend } from './ordered-resend.ts';
import {
  deletedSinceError,
  deletedSinceWarning,
  isRefusedToAll,
  maySendAgain,
  missingError,
  overflowError,
  stillUnconfirmedError,
  tooLargeError,
  turnTimeoutError,
  unverifiedError,
  vanishedError,
} from './publish-errors.ts';
import { SharedCounts } from './shared-counts.ts';

/** A task that is cleared while messages arrive loses its queue repeatedly, but not forever. */
const MAX_VANISHED = 10;

/** Queues that are known to be in use. Forgetting one costs two round trips, 0.6 ms. */
const MAX_KNOWN = 10_000;

/** Between two attempts to send a message. */
const PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/** A message, and how to publish it. */
interface Publish {
  queue: string;
  message: PreparedMessage;
  create: boolean;
  maxSize: number | undefined;
  confirmStored: boolean;
  onStored: (() => void) | undefined;
  /** Until when it may be sent again without a confirm, by `performance.now()`; 0 for never. */
  giveUpAt: number;
}

/** Publishes to queues that it creates on demand, in the order of the calls for each queue. */
export class QueuePublisher {
  readonly #publisher: ConfirmedPublisher;
  readonly #declarer: QueueDeclarer;
  /** Queues that recently got a message from here, so that nobody deletes them as abandoned. */
  readonly #known: ExpiringMap<true>;
  readonly #options: ResolvedOptions;
  readonly #waitingLimit: WaitingLimit;
  /** Keeps the publishes of one queue in order while one of them has to wait for a declare. */
  readonly #order: Turns;
  readonly #resend = new OrderedResend();
  readonly #counts = new SharedCounts();
  /** Checks whether a queue still exists, after confirms. */
  readonly #survivalChecks = new SharedRuns<QueueDepth | undefined>();
  /** How many publishes have their turn, and a connection. */
  #preparing = 0;
  readonly #onSettled: (() => void)[] = [];
  /** Queues that were deleted after the confirm of messages, which are to be sent again. */
  readonly #deletedSince = new Set<string>();

  constructor(publisher: ConfirmedPublisher, declarer: QueueDeclarer, options: ResolvedOptions) {
    this.#options = options;
    this.#waitingLimit = new WaitingLimit(options.maxWaitingOperations);
    this.#publisher = publisher;
    this.#declarer = declarer;
    this.#known = new ExpiringMap(options.redeclareAfterMs, MAX_KNOWN);
    this.#order = new Turns(turnTimeoutMs(options), isRefusedToAll);
  }

  get stats(): Pick<ClientStats, 'inFlight' | 'waiting' | 'confirmed' | 'returned'> {
    const sent = this.#publisher.stats;
    const { messages, bytes } = this.#waitingLimit.load;
    const waiting = { messages: messages - sent.inFlight.messages, bytes: bytes - sent.inFlight.bytes };
    return { ...sent, waiting };
  }

  /**
   * Resolves when the broker has confirmed that the message is in the queue.
   * @param onStored called before that, in the order of the queue, in which calls need not resolve; must not fail
   */
  async publish(
    queue: string,
    message: PreparedMessage,
    { create = true, maxSize, confirmStored = false }: PublishOptions,
    onStored?: () => void,
  ): Promise<void> {
    const { retryUnconfirmedMs, maxMessageBytes } = this.#options;
    // Before a queue is created for it.
    if (message.body.length > maxMessageBytes) throw tooLargeError(message.body.length, maxMessageBytes);
    const mayRepeat = retryUnconfirmedMs > 0 && message.messageId !== undefined;
    const giveUpAt = mayRepeat ? performance.now() + retryUnconfirmedMs : 0;
    const bytes = message.body.length + message.list.length;
    this.#waitingLimit.enter(bytes);
    try {
      await this.#publish({ queue, message, create, maxSize, confirmStored, onStored, giveUpAt });
    } finally {
      this.#waitingLimit.leave(bytes);
    }
  }

  #publish(publish: Publish): Promise<void> {
    const { queue, create, maxSize } = publish;
    if (maxSize !== undefined) return this.#publishInTurn(publish);
    // It is in no count that those before it share with those after it.
    this.#counts.separate(queue);
    const isKnown = !create || this.#known.has(queue);
    const isInTurn = !this.#order.has(queue) && !this.#resend.isStalled(queue);
    if (isKnown && this.#publisher.isReady && isInTurn) return this.#send(publish);
    return this.#publishInTurn(publish);
  }

  async #publishInTurn(publish: Publish): Promise<void> {
    const { queue, create, maxSize } = publish;
    const takeRoom = maxSize === undefined ? undefined : this.#counts.join(queue, maxSize);
    const { sent } = await this.#inTurn(publish, async () => {
      // Before the declare as well: a message in flight behind one that was returned would be stored before it.
      await this.#readyInOrder(queue);
      const isKnown = !create || this.#known.has(queue);
      if (takeRoom !== undefined || !isKnown) {
        await (takeRoom?.(() => this.#countAlone(publish)) ?? this.#makeSendable(publish));
        await this.#readyInOrder(queue);
      }
      const sent = this.#send(publish);
      // Later messages follow once this one is certainly stored, so that it stays first even if it is sent again.
      if (!isKnown) await sent;
      // Wrapped in an object so that `await` does not wait for the confirm.
      return { sent };
    });
    return sent;
  }

  /**
   * Lets `remove` delete the queue, unless messages are on their way to it: RabbitMQ confirms, and loses, what
   * arrives in the instant in which a queue is deleted. Those that are published meanwhile wait, and create it again.
   * @returns what `remove` answers; `undefined` without having called it
   */
  async removeUnlessSending<T>(queue: string, remove: () => Promise<T>): Promise<T | undefined> {
    if (this.#resend.isUnderWay(queue) || this.#order.has(queue)) return undefined;
    this.#known.delete(queue);
    return this.#inOrder(queue, remove);
  }

  /** Resolves when every publish in flight has settled and its caller knows. */
  async flush(): Promise<void> {
    const isSending = () => this.#preparing > 0 || this.#resend.isUnderWay();
    do {
      if (isSending()) await this.#nextSettled();
      // Gives those that had to wait their turn.
      await setImmediate();
    } while (isSending());
  }

  /** One at a time, and by a deadline: a broker that does not answer also delays everything behind. */
  #inTurn<T>({ queue, giveUpAt }: Publish, work: () => Promise<T>): Promise<T> {
    const since = performance.now();
    const ready = async () => {
      // A blocked connection does not answer requests either.
      await this.#publisher.ready(since);
      this.#preparing++;
      try {
        return await work();
      } finally {
        this.#preparing--;
        this.#noteSettled();
      }
    };
    // Again in the same turn, as others wait behind it; but what has been sent is the business of #send.
    let failures = 0;
    const mayRetry = (error: unknown) =>
      !hasCode(error, ErrorCode.publishUnconfirmed) && maySendAgain(error, failures++, giveUpAt);
    const pauses = giveUpAt > 0 ? { pauseMs: PAUSE_MS, longestPauseMs: LONGEST_PAUSE_MS } : {};
    return this.#inOrder(queue, () => retry(ready, { ...pauses, mayRetry }));
  }

  #inOrder<T>(queue: string, work: () => Promise<T>): Promise<T> {
    const onTimeout = () => this.#publisher.blockedError() ?? turnTimeoutError(turnTimeoutMs(this.#options));
    return this.#order.run(queue, work, { onTimeout });
  }

  /** Counts when the publishes before this one, which has its turn, have settled: what is in flight may not be counted. */
  async #countAlone(publish: Publish): Promise<number> {
    while (this.#resend.isUnderWay(publish.queue)) await this.#nextSettled();
    return this.#count(publish);
  }

  #nextSettled(): Promise<void> {
    return new Promise((resolve) => this.#onSettled.push(resolve));
  }

  /** Waits until a message can be sent without overtaking one that has to be sent again. */
  async #readyInOrder(queue: string): Promise<void> {
    do {
      await this.#resend.cleared(queue);
      await this.#publisher.ready();
    } while (this.#resend.isStalled(queue));
  }

  async #send(publish: Publish): Promise<void> {
    const { queue, message, create, confirmStored, onStored, giveUpAt } = publish;
    let isUnconfirmed = false;
    let vanished = 0;
    let failures = 0;
    const place = this.#resend.begin(queue);
    try {
      for (let attempts = 1; ; attempts++) {
        try {
          if (attempts > 1) {
            // Before those that follow it.
            await this.#resend.turn(queue, place, () => this.#prepareAgain(publish, failures));
          }
          const isTrusted = !confirmStored && this.#known.has(queue);
          const outcome = await this.#publisher.send(queue, message, isTrusted ? onStored : undefined);
          // Each time, another message has been refused, so this comes to an end.
          if (outcome === 'unread') continue;
          if (outcome === 'queued') {
            if (isTrusted) return;
            if (await this.#hasSurvived(queue, message)) return onStored?.();
            // A reader that deleted the queue may have read it first.
            isUnconfirmed = true;
            if (!create) throw deletedSinceError(message.messageId);
            this.#deletedSince.add(queue);
          }
          if (!create) throw missingError();
          if (vanished === MAX_VANISHED) throw vanishedError(vanished);
          vanished++;
          // The queue was deleted since it was declared: somebody cleared the task.
          this.#known.delete(queue);
        } catch (error) {
          isUnconfirmed ||= hasCode(error, ErrorCode.publishUnconfirmed);
          if (maySendAgain(error, failures++, giveUpAt)) continue;
          // Whatever made the last attempt fail, an earlier one may have stored the message.
          throw isUnconfirmed && attempts > 1
            ? stillUnconfirmedError(attempts, message.messageId, error as Error)
            : error;
        }
      }
    } finally {
      this.#resend.end(queue);
      this.#noteSettled();
    }
  }

  /** @param failures of the first of the messages that are to be sent again */
  async #prepareAgain(publish: Publish, failures: number): Promise<void> {
    const { queue } = publish;
    if (this.#deletedSince.delete(queue)) this.#options.warn(deletedSinceWarning(queue));
    if (failures > 1) await sleep(pauseAfter(failures - 1, PAUSE_MS, LONGEST_PAUSE_MS));
    await this.#makeSendable(publish);
    await this.#publisher.ready();
  }

  /** Creates the queue where that is wanted. @throws AmqpFailure `QUEUE_OVERFLOW` when there is no room in it */
  async #makeSendable(publish: Publish): Promise<void> {
    const { queue, create, maxSize } = publish;
    if (maxSize === undefined) {
      if (create && !this.#known.has(queue)) await this.#declarer.declare(queue);
      return;
    }
    const depth = await this.#count(publish);
    if (depth >= maxSize) throw overflowError(depth, maxSize);
  }

  /** The number of messages in the queue, which is created where that is wanted. */
  async #count({ queue, create }: Publish): Promise<number> {
    const depth = create
      ? await this.#declarer.declare(queue)
      : (await this.#declarer.depth(queue))?.messages;
    if (depth === undefined) throw missingError();
    return depth;
  }

  /**
   * A queue that nobody seemed to need may be deleted (`prune`, `clear`) in the very instant in which a message is on
   * its way to it, and RabbitMQ confirms that message as well (rabbitmq-server#4746). By the time of the confirm the
   * queue is gone, so one that is still there has the message.
   */
  async #hasSurvived(queue: string, { messageId }: PreparedMessage): Promise<boolean> {
    const checking = this.#survivalChecks.run(queue, () => this.#declarer.depth(queue));
    const depth = await checking.catch((error) => {
      throw unverifiedError(messageId, error);
    });
    if (depth !== undefined) this.#known.set(queue, true);
    return depth !== undefined;
  }

  #noteSettled(): void {
    if (this.#onSettled.length > 0) for (const wake of this.#onSettled.splice(0)) wake();
  }
}
