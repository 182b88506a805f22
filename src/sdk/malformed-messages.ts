import { isUnconnected } from '../errors/retry.ts';
import { taskName } from '../errors/task-name.ts';
import {
  ErrorCode,
  hasCode,
  isTaskQueueError,
  MalformedMessageError,
  TaskQueueError,
} from '../errors/task-queue-error.ts';
import { forgetOldest } from '../forget-oldest.ts';
import { decodeQueuedMessage } from '../messages/codec.ts';
import type { QueuedMessage } from '../messages/queued-message.ts';
import type { StoredMessage } from '../messages/stored-message.ts';
import type { MalformedPolicy } from '../options/task-queue-options.ts';
import { plainProperties } from '../properties/plain-properties.ts';
import { withHeaders } from '../properties/with-headers.ts';
import type { TaskQueueClient } from '../task-queue-client.ts';

/** The malformed messages of task `x` are kept in the queue of task `x:malformed`. */
const SUFFIX = ':malformed';

/** The header that says why a message was set aside. */
const REASON_HEADER = 'x-mcp-taskq-malformed';

/** RabbitMQ 4 drops a message of a quorum queue that was returned more than 20 times, unless a policy sets another limit. */
const MAX_RETURNS = 10;

/** Why a message cannot be set aside now, but perhaps later. After any other failure, the next messages are read. */
const TEMPORARY = [
  ErrorCode.connectionLost,
  ErrorCode.noAnswer,
  ErrorCode.busy,
  ErrorCode.brokerBlocked,
  ErrorCode.tooManyWaiting,
  ErrorCode.publishUnconfirmed,
  ErrorCode.closed,
] as const;

/** How many messages are kept out of the way at the same time: each takes one of the 256 channels for held messages. */
const MAX_KEPT = 128;

/** How long each is kept: less than RabbitMQ's default `consumer_timeout`, 30 minutes. */
const KEEP_MS = 25 * 60_000;

/** For how many tasks and reasons a message that stays is reported only once. */
const MAX_REPORTED = 1_000;

/** What {@link MalformedMessages} has taken, and the caller does not get. */
const PASSED = Symbol('passed');

/**
 * Takes messages that can be decoded. Those that cannot are set aside, without losing any. One that cannot be set aside
 * either stays in its queue and is kept out of the way: held unacknowledged, so that nobody reads it again and again,
 * no wait is woken by it, and no deletion of an empty queue takes it along. RabbitMQ has it back when this process ends.
 */
export class MalformedMessages {
  readonly #client: TaskQueueClient;
  readonly #policy: MalformedPolicy;
  readonly #warn: (warning: TaskQueueError) => void;
  /** Each gives back a message that is kept out of the way. */
  readonly #kept = new Set<() => void>();
  /** What the client had counted when a message was last kept. */
  #reconnects = 0;
  #isClosed = false;
  readonly #reported = new Set<string>();

  constructor(client: TaskQueueClient, policy: MalformedPolicy, warn: (warning: TaskQueueError) => void) {
    this.#client = client;
    this.#policy = policy;
    this.#warn = warn;
  }

  /**
   * Takes the oldest message that can be decoded, as {@link TaskQueueClient.take} does.
   * @param decode throws a MalformedMessageError for a message that `handle` should not get
   * @throws MalformedMessageError for one that should stay at the head of its queue
   */
  async take<T>(
    taskId: string,
    handle: (message: QueuedMessage, stored: StoredMessage) => T | Promise<T>,
    decode: (stored: StoredMessage) => QueuedMessage = decodeStored,
  ): Promise<T | undefined> {
    for (;;) {
      const taken = await this.#takeOne(taskId, handle, decode);
      if (taken !== PASSED) return taken;
    }
  }

  /**
   * Removes the oldest message that can be decoded, as {@link TaskQueueClient.dequeue} does. One that is set aside is held
   * until it is: given back before, it could be deleted with its queue, which counts as empty and unused meanwhile.
   * @throws MalformedMessageError for one that should stay at the head of its queue
   */
  async dequeue(taskId: string): Promise<QueuedMessage | undefined> {
    let isInTheWay = false;
    const decode = async (stored: StoredMessage) => {
      const decoded = decodeOrError(stored, decodeStored);
      if (!(decoded instanceof MalformedMessageError)) return decoded;
      if (await this.#setAside(stored, decoded)) return PASSED;
      isInTheWay = true;
      throw decoded;
    };
    try {
      for (;;) {
        const decoded = await this.#client.dequeue(taskId, decode);
        if (decoded !== PASSED) return decoded;
      }
    } catch (error) {
      if (!isInTheWay) throw error;
    }
    // More slowly, with messages kept out of the way. Meanwhile another one may have become the oldest.
    return this.take(taskId, (message) => message);
  }

  /**
   * Takes all messages, and deletes their queue as {@link TaskQueueClient.clear} does. Those that cannot be set aside stay
   * at their places, and so does the queue.
   * @throws MalformedMessageError for one that should stay; then all of them do
   */
  async takeAll(taskId: string): Promise<QueuedMessage[]> {
    const taken: (QueuedMessage | undefined)[] = [];
    const take = async (batch: StoredMessage[], before: number) => {
      // Shorter than it is when the connection was lost, and all of them come again.
      taken.length = before;
      const staying: StoredMessage[] = [];
      for (const stored of batch) {
        const decoded = decodeOrError(stored, decodeStored);
        if (!(decoded instanceof MalformedMessageError)) taken.push(decoded);
        else if (await this.#setAside(stored, decoded)) taken.push(undefined);
        else staying.push(stored);
      }
      return staying;
    };
    // None, if another reader took all of them before it could begin again.
    taken.length = await this.#client.clear(taskId, take, { allOrNone: true, isIndependent: true });
    return taken.filter((message) => message !== undefined);
  }

  /** Gives back what is kept out of the way, which would hold up the closing of the client. From now on, nothing is kept. */
  close(): void {
    this.#isClosed = true;
    this.#giveBackAll();
  }

  #takeOne<T>(
    taskId: string,
    handle: (message: QueuedMessage, stored: StoredMessage) => T | Promise<T>,
    decode: (stored: StoredMessage) => QueuedMessage,
  ): Promise<T | undefined | typeof PASSED> {
    return new Promise((resolve, reject) => {
      const handleOne = async (stored: StoredMessage) => {
        const decoded = decodeOrError(stored, decode);
        if (!(decoded instanceof MalformedMessageError)) return handle(decoded, stored);
        if (await this.#setAside(stored, decoded)) return PASSED;
        if (!this.#mayKeep()) throw decoded;
        resolve(PASSED);
        return this.#keep();
      };
      this.#client.take(taskId, handleOne).then(resolve, reject);
    });
  }

  /**
   * Resolves to true when the message is confirmed, byte for byte, in the queue of the sibling task; to false when it has to
   * stay in its queue, but those after it may be read.
   * @throws the error if the message should stay at the head of its queue
   */
  async #setAside(message: StoredMessage, error: MalformedMessageError): Promise<boolean> {
    const { taskId, body, properties, propertyList } = message;
    const isWornOut = returnsOf(message) >= MAX_RETURNS;
    if ((this.#policy === 'throw' && !isWornOut) || taskId.endsWith(SUFFIX)) throw error;
    const sibling = `${taskId}${SUFFIX}`;
    // Properties known only as bytes are kept, without the reason.
    const marked =
      propertyList === undefined ? withHeaders(properties, { [REASON_HEADER]: error.reason }) : properties;
    try {
      await this.#client.publish(sibling, { body, properties: marked, propertyList });
    } catch (cause) {
      const code = isTaskQueueError(cause) ? cause.code : ErrorCode.brokerError;
      if (isUnconnected(cause) || hasCode(cause, ...TEMPORARY)) {
        this.#warn(notSetAsideError(taskId, code, cause));
        throw error;
      }
      this.#reportOnce(taskId, code, cause);
      return false;
    }
    this.#warn(setAsideWarning(error, sibling, message));
    return true;
  }

  #reportOnce(taskId: string, code: ErrorCode, cause: unknown): void {
    const key = `${code} ${taskId}`;
    if (this.#reported.has(key)) return;
    this.#reported.add(key);
    forgetOldest(this.#reported, MAX_REPORTED);
    this.#warn(notSetAsideError(taskId, code, cause, STAYS_HINT));
  }

  #mayKeep(): boolean {
    const { reconnects } = this.#client.stats();
    // What was held by a connection that was lost is back in its queue.
    if (reconnects !== this.#reconnects) this.#giveBackAll();
    this.#reconnects = reconnects;
    return !this.#isClosed && this.#kept.size < MAX_KEPT;
  }

  /** Rejects when the message is to be given back. */
  #keep(): Promise<never> {
    return new Promise((_, reject) => {
      const giveBack = () => {
        clearTimeout(timer);
        this.#kept.delete(giveBack);
        reject(new Error('Given back'));
      };
      const timer = setTimeout(giveBack, KEEP_MS);
      timer.unref();
      this.#kept.add(giveBack);
    });
  }

  #giveBackAll(): void {
    for (const giveBack of this.#kept) giveBack();
  }
}

function decodeStored({ taskId, body }: StoredMessage): QueuedMessage {
  return decodeQueuedMessage(taskId, body);
}

function decodeOrError(
  stored: StoredMessage,
  decode: (stored: StoredMessage) => QueuedMessage,
): QueuedMessage | MalformedMessageError {
  try {
    return decode(stored);
  } catch (error) {
    if (error instanceof MalformedMessageError) return error;
    throw error;
  }
}

/** How often a quorum queue has delivered it before; 0 for other queues, which do not count. */
function returnsOf({ properties }: StoredMessage): number {
  const { headers } = plainProperties(properties);
  const count = Number((headers as { [name: string]: unknown } | undefined)?.['x-delivery-count']);
  return Number.isFinite(count) ? count : 0;
}

function setAsideWarning(
  error: MalformedMessageError,
  sibling: string,
  { redelivered }: StoredMessage,
): TaskQueueError {
  const id = JSON.stringify(sibling);
  // Its removal may have failed with the connection.
  const again = redelivered ? ' It is a redelivery: a copy of it may be there already.' : '';
  const sentences = `${error.message}. It was set aside in the queue of task ${id}.${again}`;
  return new TaskQueueError(error.code, sentences, {
    cause: error,
    hint: `Look at it with: mcp-taskq peek -- ${/^[\w:.-]+$/.test(sibling) ? sibling : id}`,
  });
}

const STAYS_HINT =
  'The messages after it are delivered. Remove the obstacle, or the message: it is ready again when this process has ended.';

function notSetAsideError(taskId: string, code: ErrorCode, cause: unknown, hint?: string): TaskQueueError {
  return new TaskQueueError(
    code,
    `A malformed message of ${taskName(taskId)} cannot be set aside and stays in its queue: ${(cause as Error).message}`,
    { cause, hint },
  );
}
