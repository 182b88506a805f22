import { type BrowsedTask, browseTask } from './amqp/consume/browse-task.ts';
import { dequeueMessage } from './amqp/consume/dequeue-message.ts';
import { type DrainedTask, drainTask } from './amqp/consume/drain-task.ts';
import { during } from './amqp/errors/amqp-failure.ts';
import { Session } from './amqp/session.ts';
import type { ClientStats } from './diagnostics/stats.ts';
import { type DequeueTrace, traceDequeue, traceEnqueue } from './diagnostics/tracing.ts';
import { taskName } from './errors/task-name.ts';
import { ErrorCode, TaskQueueError } from './errors/task-queue-error.ts';
import { type EventName, enqueuedEvent } from './events/task-events.ts';
import { defaultProperties } from './messages/default-properties.ts';
import { prepareMessage, toRawMessage } from './messages/prepared-message.ts';
import { queueName } from './messages/queue-names.ts';
import { replyQueueName } from './messages/reply-queues.ts';
import type { OutgoingMessage, StoredMessage } from './messages/stored-message.ts';
import { userOf } from './options/broker-url.ts';
import {
  CLEAR_CHECKS,
  CLOSE_CHECKS,
  DRAIN_CHECKS,
  PEEK_CHECKS,
  PUBLISH_CHECKS,
} from './options/call-checks.ts';
import { aFunction, checkArgument, checkOptions, oneOf } from './options/check-options.ts';
import {
  type BatchHandler,
  type BatchViewer,
  type BrokerIdentity,
  type ClearOptions,
  type CloseOptions,
  type DrainOptions,
  MAX_PEEK,
  type PeekOptions,
  type PublishOptions,
  type PublishResult,
  type QueueDepth,
  type QueueKind,
  type SubscriptionListener,
  type TaskEventSubscription,
  type WaitOptions,
} from './options/client-options.ts';
import {
  type ResolvedOptions,
  resolveOptions,
  type TaskQueueOptions,
  warnOfUnusedParameters,
} from './options/task-queue-options.ts';
import { readPropertyList } from './properties/property-list.ts';
import { propertyText } from './properties/typed-values.ts';
import { MessageWaiter } from './waiting/message-waiter.ts';

/**
 * Task queues as the broker stores them: messages are bytes and properties, neither decoded nor changed. For tools;
 * {@link RabbitMQTaskMessageQueue} builds on it for MCP messages.
 *
 * Connections open when first needed, and again after a loss. Every method settles by a deadline; a method with a handler
 * settles once the handler has. Methods reject with a {@link TaskQueueError}, or with the handler's own error.
 */
export class TaskQueueClient {
  readonly #options: ResolvedOptions;
  readonly #session: Session;
  /** @internal */
  readonly waiter: MessageWaiter;
  #redelivered = 0;

  /** @throws TaskQueueError `INVALID_ARGUMENT` for invalid options. Does not connect yet. */
  constructor(options?: string | TaskQueueOptions) {
    this.#options = resolveOptions(options);
    this.#session = new Session(this.#options);
    this.waiter = new MessageWaiter(this, this.#options.warn);
    warnOfUnusedParameters(this.#options);
  }

  /** The queue-name prefix. */
  get prefix(): string {
    return this.#options.prefix;
  }

  /** The largest body that is published, in bytes. */
  get maxMessageBytes(): number {
    return this.#options.maxMessageBytes;
  }

  /** The state of the connections, and counters. Sends nothing, so it can be called as often as a metrics scrape needs it. */
  stats(): ClientStats {
    return this.#session.stats(this.#redelivered);
  }

  /** Opens the connection for this kind of work now, to fail early or to save time later. */
  async connect(work: 'read' | 'publish' | 'delete' = 'read'): Promise<void> {
    checkArgument('work', work, oneOf('read', 'publish', 'delete'));
    await this.#during(CONNECTING, () => this.#session.connect(work));
  }

  /**
   * Stores a message unchanged at the end of the task's queue. Resolves when the broker has confirmed that the
   * message is in the queue and, if it is persistent (`delivery_mode` 2), on disk. Calls may overlap: messages of one
   * task are stored in the order of the calls.
   *
   * Properties on which the broker would act again are changed: the headers CC and BCC are renamed; another user's
   * `user_id`, `expiration` and the broker's counters are left out. The result names the changes.
   *
   * @throws PublishUnconfirmedError when the message was sent but not confirmed: it may or may not be queued
   * @throws TaskQueueError `QUEUE_OVERFLOW`, `QUEUE_NOT_FOUND` (with `create: false`), `QUEUE_MISMATCH`,
   * `INVALID_MESSAGE`, `MESSAGE_TOO_LARGE`, `BROKER_BLOCKED`, …: the message is not in the queue
   */
  async publish(
    taskId: string,
    outgoing: OutgoingMessage<Uint8Array>,
    options?: PublishOptions,
  ): Promise<PublishResult> {
    const queue = this.#queueName(taskId);
    const what = `Cannot enqueue to ${taskName(taskId)}`;
    const checked = checkOptions(options, PUBLISH_CHECKS);
    const { keepExpiration = false } = checked;
    const raw = toRawMessage(outgoing);
    const isGiven = raw.properties === outgoing.properties;
    const message = prepareMessage(raw, { userId: this.#userId, keepExpiration });
    const { body, changes, messageId } = message;
    const announce = () => {
      const { events } = this.#session;
      if (events.isOff) return;
      // As it was sent: meanwhile the caller may have changed the properties for the next message.
      const sent = isGiven || changes.length > 0 ? { body, ...readPropertyList(message.list) } : raw;
      events.publish(enqueuedEvent(taskId, queue, sent, this.#options.events === 'full'));
    };
    await traceEnqueue(
      () => ({ taskId, queue, messageId, bytes: body.length }),
      () => this.#during(what, () => this.#session.publisher.publish(queue, message, checked, announce)),
    );
    return { changes };
  }

  /**
   * Rejects where {@link publish} would, whatever the message: for lack of a permission, for a queue that differs from what it
   * declares, … Creates no queue, and stores nothing.
   * @internal
   */
  async checkPublish(taskId: string, { create = true }: { create?: boolean } = {}): Promise<void> {
    const what = `Cannot enqueue to ${taskName(taskId)}`;
    await this.#during(what, () => this.#session.checkPublish(this.#queueName(taskId), create));
  }

  /**
   * Takes the oldest message: it is acknowledged when `handle` resolves, and given back to its place when it
   * rejects. A process that dies in between gives it back too, so it may be delivered twice but is never lost.
   * Meanwhile the queue counts as in use, so a conditional delete leaves it alone. Not for an auto-delete queue, which no
   * client of this package creates: RabbitMQ deletes it with its other messages when this reader ends.
   * @returns what `handle` returns, or `undefined` when the queue is empty or missing
   */
  async take<T>(taskId: string, handle: (message: StoredMessage) => T | Promise<T>): Promise<T | undefined> {
    checkArgument('handle', handle, aFunction);
    let result: T | undefined;
    let messageId: string | undefined;
    const takeOne = async ([message]: StoredMessage[]) => {
      result = await handle(message as StoredMessage);
      messageId = propertyText(message?.properties.message_id);
    };
    await this.#drain(
      taskId,
      'Cannot take a message of',
      takeOne,
      { limit: 1, batchSize: 1 },
      {
        reader: this.#session.holder,
        onRemoved: (count) => this.#announce(taskId, 'dequeued', count, messageId),
        refusesAutoDelete: false,
        keepsResult: true,
      },
    );
    return result;
  }

  /**
   * Removes the oldest message. It is acknowledged before this resolves, so a process that dies afterwards has lost
   * it. Four times as fast as {@link take}.
   * @param decode converts the message; if it throws, the message goes back to its place. Meanwhile nobody consumes from the
   * queue, so that others may delete it as empty, and the message with it: decode quickly. Default: the message itself
   * @returns `undefined` when the queue is empty or missing
   */
  async dequeue<T = StoredMessage>(
    taskId: string,
    decode: (message: StoredMessage) => T | Promise<T> = (message) => message as T,
  ): Promise<T | undefined> {
    checkArgument('decode', decode, aFunction);
    const queue = this.#queueName(taskId);
    const what = `Cannot dequeue from ${taskName(taskId)}`;
    const { reader, kinds } = this.#session;
    return this.#traceDequeue(taskId, async (trace) => {
      const noted = (message: StoredMessage) => {
        this.#noteRead([message], trace);
        return decode(message);
      };
      const got = await this.#during(
        what,
        () => dequeueMessage({ taskId, queue, reader, kinds }, noted),
        KEPT_HINT,
      );
      if (got === undefined) return undefined;
      const messageId = propertyText(got.message.properties.message_id);
      if (trace) Object.assign(trace, { messages: 1, messageId });
      this.#announce(taskId, 'dequeued', 1, messageId);
      return got.decoded;
    });
  }

  /**
   * Reads the oldest messages without removing them. Other readers cannot see them for a moment, and the broker marks
   * them as redelivered. Do not use it on a quorum queue: RabbitMQ 4 counts each look as a delivery and drops a
   * message after more than 20, and the messages return only some milliseconds later.
   */
  async peek(taskId: string, options?: PeekOptions): Promise<StoredMessage[]> {
    const messages: StoredMessage[] = [];
    await this.#browse(
      taskId,
      (batch, before) => {
        // After a lost connection all of them come again.
        messages.length = before;
        messages.push(...batch);
      },
      options,
      { startsAgain: true, reader: this.#session.holder },
    );
    return messages;
  }

  /**
   * {@link peek} in batches, so that large messages need not all fit in memory. All are back at their places when
   * this resolves or rejects. It rejects if the connection is lost after some batches.
   * @param view called with each batch; its rejection ends the reading and is passed on
   * @returns how many messages it got
   */
  async browse(taskId: string, view: BatchViewer, options?: PeekOptions): Promise<number> {
    checkArgument('view', view, aFunction);
    return this.#browse(taskId, view, options, { startsAgain: false, reader: this.#session.bulkHolder });
  }

  async #browse(
    taskId: string,
    view: BatchViewer,
    options: PeekOptions | undefined,
    means: Pick<BrowsedTask, 'startsAgain' | 'reader'>,
  ): Promise<number> {
    const checked = checkOptions(options, PEEK_CHECKS);
    const { limit = 1, skip = 0 } = checked;
    if (skip + limit > MAX_PEEK) {
      throw new TaskQueueError(
        ErrorCode.invalidArgument,
        `Cannot peek at ${skip + limit} messages: at most ${MAX_PEEK} at a time, skipped ones included`,
        { hint: 'While they are looked at nobody else can read them; drain the queue to see all of it.' },
      );
    }
    const queue = this.#queueName(taskId);
    const what = `Cannot peek at ${taskName(taskId)}`;
    const task = { taskId, queue, kinds: this.#session.kinds, ...means };
    const noted: BatchViewer = (batch, before) => {
      this.#noteRead(batch);
      return view(batch, before);
    };
    return this.#during(what, () => browseTask(task, noted, checked), KEPT_HINT);
  }

  /** The exact number of messages in the task's queue; `undefined` if it has no queue. Does not create one. */
  async depth(taskId: string): Promise<QueueDepth | undefined> {
    return this.#during(looking(taskId), () => this.#session.reader.depth(this.#queueName(taskId)));
  }

  /** Rejects where {@link drain} would, for lack of a permission. Reads nothing. @internal */
  async checkRead(taskId: string): Promise<void> {
    const what = `Cannot drain ${taskName(taskId)}`;
    await this.#during(what, () => this.#session.reader.checkRead(this.#queueName(taskId)));
  }

  /**
   * Removes messages in bulk, oldest first. Each batch is acknowledged when `handle` has resolved for it;
   * when it rejects, that batch and everything after it stays in the queue, and the rejection is passed on. While `handle`
   * runs, nothing else is read from its connection, so other calls that read open another one.
   * @returns how many were removed; fewer than were queued if others are reading too
   * @throws TaskQueueError `CONNECTION_LOST` also when all were handled, but the broker has not confirmed that the last ones
   * are removed: those may be delivered again. With `allOrNone` that is not noticed
   */
  async drain(taskId: string, handle: BatchHandler, options?: DrainOptions): Promise<number> {
    checkArgument('handle', handle, aFunction);
    return this.#drain(taskId, 'Cannot drain', handle, checkOptions(options, DRAIN_CHECKS), {
      reader: this.#session.bulkHolder,
      onRemoved: (count) => this.#announce(taskId, 'dequeued', count),
    });
  }

  /**
   * {@link drain} followed by {@link deleteIfUnused}, unless `keepQueue`. Watchers see a single clear. When messages were
   * removed and only the deletion fails, `onStatus` gets a `warning`, and the empty queue stays. With `allOrNone`, more
   * than a batch, up to 65,535 messages, is removed by deleting the queue, unless somebody else uses it or a message arrived
   * meanwhile: this takes a tenth of the time.
   * @param handle called with each batch before it is removed; default: nothing
   * @returns how many were removed
   */
  async clear(taskId: string, handle: BatchHandler = () => {}, options?: ClearOptions): Promise<number> {
    checkArgument('handle', handle, aFunction);
    const { keepQueue = false, isIndependent, ...drainOptions } = checkOptions(options, CLEAR_CHECKS);
    const { holder, bulkHolder } = this.#session;
    if (!keepQueue) this.#session.connectEarly('delete');
    let removed = 0;
    const onRemoved = (count: number) => {
      removed += count;
    };
    try {
      await this.#drain(taskId, 'Cannot clear', handle, drainOptions, {
        reader: isIndependent ? holder : bulkHolder,
        onRemoved,
        ...(drainOptions.allOrNone && !keepQueue && { deleter: this.#session.deleter }),
      });
    } finally {
      // Even after a failure: these are gone.
      if (removed > 0) this.#announce(taskId, 'cleared', removed);
    }
    try {
      if (!keepQueue) await this.#deleteIfUnused(taskId, { mayBeStream: removed === 0 });
    } catch (error) {
      // What was removed may exist nowhere else: the caller must learn of it.
      if (removed === 0) throw error;
      this.#options.warn(error as TaskQueueError);
    }
    return removed;
  }

  /**
   * Deletes the task's queue if it is empty and has no consumers, which the broker checks as it deletes. Leaves alone
   * a queue that this client is publishing to, and quorum queues, for which RabbitMQ has no such check.
   *
   * RabbitMQ does not check for messages that another program got with `basic.get` and has not acknowledged: they are
   * deleted with the queue, and are lost if that program fails. RabbitMQ also confirms and drops a message that
   * arrives at the moment of deletion (rabbitmq-server#4746); {@link publish} detects that for a queue it has not
   * used for `redeclareAfterMs`.
   * @returns whether the task now has no queue; false if it was left alone
   * @throws TaskQueueError `QUEUE_UNAVAILABLE` when its node is down: RabbitMQ 4 would delete the queue with its
   * messages
   */
  async deleteIfUnused(taskId: string): Promise<boolean> {
    return this.#deleteIfUnused(taskId);
  }

  #deleteIfUnused(taskId: string, options?: { mayBeStream: boolean }): Promise<boolean> {
    const what = `Cannot delete the queue of ${taskName(taskId)}`;
    const queue = () => this.#queueName(taskId);
    return this.#during(what, () => this.#session.deleter.deleteIfUnused(queue(), options));
  }

  /**
   * What kind of queue the task has; `undefined` if it has none. Never creates one. The answer may be up to a minute
   * old.
   * @throws TaskQueueError `ACCESS_REFUSED` for a user without permission to configure the queue; `QUEUE_LOCKED` for a
   * queue that is exclusive to another connection
   */
  async queueKind(taskId: string): Promise<QueueKind | undefined> {
    return this.#during(looking(taskId), () => this.#session.kinds.kind(this.#queueName(taskId)));
  }

  /**
   * Listens to live events. They come from publishers with this package's events switched on; `watchTasks` turns them into
   * a complete stream.
   * @throws TaskQueueError when the subscription cannot be set up, for example `ACCESS_REFUSED`
   * @internal
   */
  async subscribe(
    events: readonly EventName[],
    listener: SubscriptionListener,
  ): Promise<TaskEventSubscription> {
    return this.#during('Cannot subscribe to task events', () => this.#session.subscribe(events, listener));
  }

  /**
   * Resolves when the task's queue has a message, published by any process; takes nothing. A publisher with events wakes
   * it within milliseconds, any other within half a second (later when waiting for more than a hundred tasks). With
   * several readers the message may be gone by then.
   * @throws the reason of the signal; TaskQueueError `WAIT_TIMEOUT`, `NO_ANSWER` when the time is over and the broker does
   * not answer, `CONNECTION_FAILED` when a lost connection does not return within `reconnectTimeoutMs`, or at once when the
   * first connection cannot be opened, or `CLOSED` when this client is closed
   */
  async waitForMessage(taskId: string, options?: WaitOptions): Promise<void> {
    await this.waiter.wait(taskId, options);
  }

  /** Opens the connection for reading, and returns what it is connected to. @internal */
  async identify(): Promise<BrokerIdentity> {
    const introduction = await this.#during(CONNECTING, () => this.#session.identify());
    const { clusterName, version, localPort } = introduction;
    return { clusterName, version, user: this.#userId, localPort };
  }

  /**
   * Receives what other processes send to this one with {@link sendReply}, through a queue of its own that is deleted
   * with this client. For `mcp-taskq/replicas`.
   * @param instance unique; 22 characters of base64url
   * @returns an object whose `open` resolves when the queue exists; call it again after a rejection
   * @internal
   */
  receiveReplies(instance: string, onReply: (body: Buffer) => void): { open(): Promise<void> } {
    const replies = this.#session.replyQueue(replyQueueName(instance, this.prefix), onReply);
    return { open: () => replies.start() };
  }

  /**
   * Sends something to the process that receives the replies of this instance. Resolves when the broker has stored
   * it. Does not create a queue.
   * @throws TaskQueueError `QUEUE_NOT_FOUND` when that process is gone, …
   * @internal
   */
  async sendReply(instance: string, body: Buffer): Promise<void> {
    const message = prepareMessage({ body, properties: defaultProperties() });
    const queue = replyQueueName(instance, this.prefix);
    await this.#during('Cannot pass on an answer', () =>
      this.#session.publisher.publish(queue, message, { create: false }),
    );
  }

  /**
   * Waits for outstanding confirms and requests, then closes; later calls reject with `CLOSED`. Idempotent. Takes at
   * most twice `closeTimeoutMs`, or twice the given `timeoutMs`.
   */
  async close(options?: CloseOptions): Promise<void> {
    const { timeoutMs } = checkOptions(options, CLOSE_CHECKS);
    this.waiter.close();
    await this.#session.close(timeoutMs);
  }

  /** The same as {@link close}, for `await using`, which takes Node 24 or a compiler such as TypeScript. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #drain(
    taskId: string,
    doing: string,
    handle: BatchHandler,
    options: DrainOptions,
    {
      onRemoved,
      ...means
    }: Pick<DrainedTask, 'reader' | 'onRemoved' | 'deleter' | 'refusesAutoDelete' | 'keepsResult'>,
  ): Promise<number> {
    const queue = this.#queueName(taskId);
    const what = `${doing} ${taskName(taskId)}`;
    const task = { taskId, queue, kinds: this.#session.kinds, ...means };
    return this.#traceDequeue(taskId, (trace) => {
      const noted: BatchHandler = (batch, before) => {
        this.#noteRead(batch, trace);
        if (trace && options.limit === 1) trace.messageId = propertyText(batch[0]?.properties.message_id);
        return handle(batch, before);
      };
      const removed = (count: number) => {
        if (trace) trace.messages += count;
        onRemoved(count);
      };
      // Far from the broker, connecting takes longer than a drain.
      const onBegin = () => {
        if (!this.#session.events.isOff) this.#session.connectEarly('publish');
      };
      const draining = { ...task, onBegin, onRemoved: removed };
      return this.#during(what, () => drainTask(draining, noted, options), KEPT_HINT);
    });
  }

  #traceDequeue<T>(taskId: string, work: (trace: DequeueTrace | undefined) => Promise<T>): Promise<T> {
    return traceDequeue(() => ({ taskId, queue: this.#queueName(taskId), messages: 0, bytes: 0 }), work);
  }

  #noteRead(messages: readonly StoredMessage[], trace?: DequeueTrace): void {
    for (const { redelivered, body } of messages) {
      if (redelivered) this.#redelivered++;
      if (trace) trace.bytes += body.length;
    }
  }

  #announce(taskId: string, event: 'dequeued' | 'cleared', count: number, messageId?: string): void {
    const queue = this.#queueName(taskId);
    this.#session.events.publish({ event, taskId, queue, at: Date.now(), count, messageId });
  }

  /** The user that messages may name in `user_id`: the one that publishes them. */
  get #userId(): string | undefined {
    const [first, ...others] = this.#options.addresses.map(userOf);
    return others.every((user) => user === first) ? first : undefined;
  }

  #queueName(taskId: string): string {
    return queueName(taskId, this.#options.prefix);
  }

  /** The outcome of `work`, and what was being done where that fails, or where this client is closed already. */
  #during<T>(what: string, work: () => Promise<T>, lostHint?: string): Promise<T> {
    const working = async () => {
      this.#session.throwIfClosed();
      return work();
    };
    return during(what, working(), lostHint);
  }
}

const CONNECTING = 'Cannot connect to RabbitMQ';
const KEPT_HINT = 'What was not removed is still in the queue; the next call connects again.';

function looking(taskId: string): string {
  return `Cannot look at ${taskName(taskId)}`;
}
