import type { ConfirmChannel } from 'amqplib';
import { Turns } from '../../concurrency/turns.ts';
import type { ClientStats } from '../../diagnostics/stats.ts';
import { withDeadline } from '../../errors/deadline.ts';
import { ErrorCode, type TaskQueueError } from '../../errors/task-queue-error.ts';
import type { PreparedMessage } from '../../messages/prepared-message.ts';
import type { ResolvedOptions } from '../../options/task-queue-options.ts';
import { closeFully, throwIfEnded } from '../connection/channel-end.ts';
import type { BrokerConnection } from '../connection/connection.ts';
import { maxPropertyListBytes, publishRaw } from '../connection/raw-frames.ts';
import { translateAmqpError } from '../errors/amqp-errors.ts';
import { type MessageInFlight, MessagesInFlight } from './messages-in-flight.ts';
import {
  blockedError,
  lostError,
  propertiesTooLargeError,
  rejectedError,
  turnTimeoutError,
  unconfirmedError,
} from './publish-errors.ts';
import { refusedMessage } from './refused-message.ts';

/**
 * What became of a message: it is in the queue, or the queue does not exist, or the broker has not read it, as it refused
 * another one before it.
 */
export type PublishOutcome = 'queued' | 'returned' | 'unread';

/** The key of those that wait: one turn after the other, whatever their queue. */
const ALL = '';

/** The shortest time between two retired channels. */
const RETIRE_PAUSE_MS = 250;

/**
 * Publishes to the default exchange on a confirm channel that nothing else uses, so that no failure of
 * anything else can take outstanding confirms with it.
 */
export class ConfirmedPublisher {
  readonly #connection: BrokerConnection;
  readonly #options: ResolvedOptions;
  #opening: Promise<void> | undefined;
  #channel: ConfirmChannel | undefined;
  #closeReason: unknown;
  /** On this channel. */
  #hasConfirmed = false;
  readonly #inFlight = new MessagesInFlight();
  /** Publishes for which there is no room among those in flight, in the order of the calls. */
  readonly #waiting: Turns;
  #retired: Promise<void> | undefined;
  #retiredAt = Number.NEGATIVE_INFINITY;
  #confirmed = 0;
  #returned = 0;

  constructor(connection: BrokerConnection, options: ResolvedOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#waiting = new Turns(options.confirmTimeoutMs);
  }

  get stats(): Pick<ClientStats, 'inFlight' | 'confirmed' | 'returned'> {
    return { inFlight: this.#inFlight.load, confirmed: this.#confirmed, returned: this.#returned };
  }

  /** A message could be sent right now: the channel is open and the broker takes messages. */
  get isReady(): boolean {
    return this.#channel !== undefined && this.#connection.blocked === undefined;
  }

  /**
   * Opens the channel if needed, and waits while a resource alarm blocks publishing: what is written to a blocked
   * connection stays in the socket, neither sent nor given up.
   * @param since when the message was handed in: the wait for the end of an alarm counts from there
   * @throws TaskQueueError
   */
  async ready(since = performance.now()): Promise<void> {
    const giveUpAt = since + this.#options.confirmTimeoutMs;
    while (!this.isReady) {
      const { blocked } = this.#connection;
      if (blocked === undefined) await this.#openChannel();
      else {
        await withDeadline(blocked.ended, Math.max(1, giveUpAt - performance.now()), () =>
          blockedError(blocked.reason),
        );
      }
    }
  }

  /** The error for a message that cannot be sent because the broker blocks publishers. */
  blockedError(): TaskQueueError | undefined {
    const { blocked } = this.#connection;
    return blocked && blockedError(blocked.reason);
  }

  /**
   * Publishes a message, at once if there is room for it among those in flight. Messages for one queue are stored in
   * the order of the calls. Body and properties stay as they are.
   * @param onQueued called as soon as it is confirmed to be in the queue, so in the order of the queue; must not fail
   * @throws PublishUnconfirmedError when it was sent, but no confirm came
   * @throws TaskQueueError when it was not sent, or refused
   */
  send(queue: string, message: PreparedMessage, onQueued?: () => void): Promise<PublishOutcome> {
    const isInTurn = !this.#waiting.has(ALL) && this.#inFlight.hasRoomFor(message);
    return isInTurn ? this.#write(queue, message, onQueued) : this.#sendInTurn(queue, message, onQueued);
  }

  /** Before anything is written: what lies in a socket is neither sent nor given up, and takes memory twice. */
  async #sendInTurn(
    queue: string,
    message: PreparedMessage,
    onQueued: (() => void) | undefined,
  ): Promise<PublishOutcome> {
    const { confirmTimeoutMs } = this.#options;
    const giveUpAt = performance.now() + confirmTimeoutMs;
    const onTimeout = () => turnTimeoutError(confirmTimeoutMs);
    const write = async () => {
      if (!this.#inFlight.hasRoomFor(message)) {
        const leftMs = Math.max(1, giveUpAt - performance.now());
        await withDeadline(this.#inFlight.roomFor(message), leftMs, onTimeout);
      }
      if (!this.isReady) await this.ready();
      // Wrapped in an object so that the next one does not wait for the confirm.
      return { outcome: this.#write(queue, message, onQueued) };
    };
    const { outcome } = await this.#waiting.run(ALL, write, { onTimeout });
    return outcome;
  }

  #write(
    queue: string,
    message: PreparedMessage,
    onQueued: (() => void) | undefined,
  ): Promise<PublishOutcome> {
    const { body, list, messageId } = message;
    const channel = this.#channel;
    const { confirmTimeoutMs } = this.#options;
    return new Promise((resolve, reject) => {
      const inFlight: MessageInFlight = { message, queue, returned: false, refusal: undefined };
      const settle = (finish: () => void) => {
        clearTimeout(timer);
        if (this.#inFlight.delete(inFlight)) finish();
      };
      const unconfirmed = (reason: string, cause?: unknown) =>
        settle(() => reject(unconfirmedError(reason, messageId, cause)));
      const timer = setTimeout(() => {
        const { blocked } = this.#connection;
        const why = blocked ? ` (the broker blocks publishers: ${blocked.reason})` : '';
        unconfirmed(`the broker did not confirm it within ${confirmTimeoutMs} ms${why}`);
      }, confirmTimeoutMs);
      this.#inFlight.add(inFlight);
      try {
        this.#checkSendable(channel, message);
        publishRaw(channel, queue, list, body, (error: unknown) => {
          if (!error) {
            this.#hasConfirmed = true;
            if (inFlight.returned) this.#returned++;
            else this.#confirmed++;
            settle(() => {
              if (!inFlight.returned) onQueued?.();
              resolve(inFlight.returned ? 'returned' : 'queued');
            });
          } else if (isNack(error)) {
            this.#retire(channel);
            settle(() => reject(rejectedError(this.#options.queueType, error)));
          } else if (inFlight.refusal === 'itself') {
            settle(() => reject(translateAmqpError(this.#closeReason)));
          } else if (inFlight.refusal === 'unread') {
            settle(() => resolve('unread'));
          } else
            unconfirmed(
              inFlight.refusal === 'perhaps'
                ? 'the broker refused it, or another message that was sent with it'
                : `the connection was lost before the broker confirmed it${this.#whyLost(error)}`,
              this.#closeReason ?? error,
            );
        });
      } catch (error) {
        // Nothing was written: the properties are too large, or the channel has just ended.
        settle(() => reject(translateAmqpError(error)));
      }
    });
  }

  #checkSendable(
    channel: ConfirmChannel | undefined,
    { list }: PreparedMessage,
  ): asserts channel is ConfirmChannel {
    if (channel === undefined) throw lostError();
    const maxListBytes = maxPropertyListBytes(channel);
    if (list.length > maxListBytes) throw propertiesTooLargeError(list.length, maxListBytes);
  }

  /**
   * The broker has closed the channel because of one message: it refuses that one (406), or the user may no longer publish
   * (403). It reads them in order: those before that one may be stored, and it has thrown away those behind it.
   */
  #blame(error: unknown): void {
    const { code } = error as { code?: unknown };
    if (code !== PRECONDITION_FAILED && code !== ACCESS_REFUSED) return;
    // The user may not publish at all, so nothing sent on this channel has come through.
    if (code === ACCESS_REFUSED && !this.#hasConfirmed) {
      for (const sent of this.#inFlight) sent.refusal = 'itself';
      return;
    }
    const refused = refusedMessage(this.#inFlight, (error as Error).message);
    let isBehind = false;
    for (const sent of this.#inFlight) {
      sent.refusal = sent === refused ? 'itself' : isBehind ? 'unread' : refused ? undefined : 'perhaps';
      isBehind ||= sent === refused;
    }
  }

  /** Names a limit of the broker, such as that of channels: the channel hears only that its connection is lost. */
  #whyLost(error: unknown): string {
    const failure = this.#connection.translate(error);
    return failure.code === ErrorCode.limitReached ? `: ${failure.message}` : '';
  }

  /** Resolves when nothing is in flight any more. */
  flush(): Promise<void> {
    return this.#inFlight.ended();
  }

  /**
   * A channel of RabbitMQ 3.10 that was used for a quorum queue before a new leader was known keeps to the dead one,
   * and rejects what is published, for as long as it is open. So another channel takes its place, when what is in
   * flight on this one has been answered, as nothing may overtake it.
   */
  #retire(channel: ConfirmChannel): void {
    if (this.#options.queueType !== 'quorum' || this.#channel !== channel) return;
    // A full queue rejects messages too, and a new channel would not help.
    if (performance.now() - this.#retiredAt < RETIRE_PAUSE_MS) return;
    this.#retiredAt = performance.now();
    this.#channel = undefined;
    this.#retired = this.flush()
      .then(() => this.#connection.answered(closeFully(channel)))
      .catch(() => {});
  }

  #openChannel(): Promise<void> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #open(): Promise<void> {
    try {
      await this.#retired;
      const model = await this.#connection.open();
      const channel = await this.#connection.answered(model.createConfirmChannel());
      this.#closeReason = undefined;
      this.#hasConfirmed = false;
      channel.on('error', (error) => {
        this.#closeReason = error;
        this.#blame(error);
      });
      // amqplib fails every outstanding publish itself, in a listener registered before this one.
      channel.on('close', () => {
        if (this.#channel === channel) this.#channel = undefined;
      });
      channel.on('return', (message) => this.#inFlight.markReturned(message));
      throwIfEnded(channel);
      this.#channel = channel;
    } catch (error) {
      throw this.#connection.translate(error);
    }
  }
}

/** AMQP 0-9-1 reply codes. */
const ACCESS_REFUSED = 403;
const PRECONDITION_FAILED = 406;

/** What amqplib (lib/channel.js) passes to the callback of a nacked message, and to no other. */
function isNack(error: unknown): boolean {
  return error instanceof Error && error.message === 'message nacked';
}
