import type { ClientStats } from '../diagnostics/stats.ts';
import { taskName } from '../errors/task-name.ts';
import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';
import { decodeQueuedMessage, encodeQueuedMessage } from '../messages/codec.ts';
import type { QueueableMessage, QueuedMessage } from '../messages/queued-message.ts';
import { CLOSE_CHECKS } from '../options/call-checks.ts';
import { checkOptions } from '../options/check-options.ts';
import type { CloseOptions, WaitOptions } from '../options/client-options.ts';
import type { TaskQueueOptions } from '../options/task-queue-options.ts';
import type { CallKind } from './call-order.ts';
import { clientFacingError } from './client-facing-error.ts';
import { MessageQueues } from './message-queues.ts';

/**
 * The message queues of MCP tasks in RabbitMQ: one durable queue per task, `mcp:queue:{task_id}`, shared with
 * any number of processes and with the Python package rabbitmq-mcp-task-queue.
 *
 * A `TaskMessageQueue` of the MCP TypeScript SDK 1.24 to 1.32. Session ids are ignored on purpose, as in the SDK's
 * own in-memory queue: task ids are unique, and the task store decides which session finds a task.
 *
 * Delivery is in order. Messages survive a restart of the broker. Reading never creates a queue: a missing queue
 * reads as empty. Calls on one object for one task take effect in the order in which they are made, awaited or not.
 * Every method settles by a deadline, and rejects with a {@link TaskQueueError}. Its message names no host, as the
 * SDK sends it to MCP clients; its `cause` does.
 *
 * @example
 * const queue = new RabbitMQTaskMessageQueue('amqp://user:password@rabbit.example/');
 * await queue.enqueue(taskId, { type: 'notification', timestamp: Date.now(), message });
 * await queue.close();
 */
export class RabbitMQTaskMessageQueue {
  readonly #queues: MessageQueues;
  #closing: Promise<void> | undefined;

  /**
   * Does not connect yet: the first operation does.
   * @param options URL (default `amqp://localhost:5672`) or options
   * @throws TaskQueueError `INVALID_ARGUMENT` for invalid options
   */
  constructor(options?: string | TaskQueueOptions) {
    this.#queues = new MessageQueues(options);
  }

  /**
   * Adds a message to the end of the task's queue, which is created if it is missing. Resolves when the broker
   * has confirmed that it is stored on disk. Messages of one task keep the order of the calls.
   *
   * @param maxSize reject if the queue already has this many messages. Exact among the calls on this object; across
   * processes it is check-then-publish (see {@link PublishOptions.maxSize})
   * @throws PublishUnconfirmedError when the message was sent but not confirmed: it may or may not be queued
   * @throws TaskQueueError `QUEUE_OVERFLOW` (the message contains `Task message queue overflow`),
   * `INVALID_MESSAGE`, …: the message is not in the queue
   */
  enqueue(taskId: string, message: QueueableMessage, _sessionId?: string, maxSize?: number): Promise<void> {
    return droppable(this.#enqueue(taskId, message, maxSize));
  }

  /**
   * Removes and returns the oldest message; `undefined` if there is none, and no enqueue is under way on this object
   * for the task. The acknowledgement is sent before this resolves, and RabbitMQ does not confirm it: if the connection
   * fails at that moment, or the process exits without {@link close}, the message is delivered again, and {@link stats}
   * counts it as redelivered. If the process dies before it has handled the message, that may be lost
   * ({@link TaskQueueClient.take} is at least once throughout). A message that cannot be decoded is set aside, see
   * {@link TaskQueueOptions.onMalformed}.
   * @throws MalformedMessageError when it cannot be decoded, and it is not known whether it can be set aside; it stays in
   * the queue, unless somebody deletes that as empty at this moment: the error has the bytes
   */
  async dequeue(taskId: string, _sessionId?: string): Promise<QueuedMessage | undefined> {
    const { malformed, order } = this.#queues;
    for (;;) {
      const message = await this.#call(taskId, 'dequeue', 'Cannot dequeue from', () =>
        malformed.dequeue(taskId),
      );
      // What was enqueued while RabbitMQ was asked may be the last of a task that has just ended: the SDK asks no more then.
      if (message !== undefined || !order.hasEnqueues(taskId)) return message;
    }
  }

  /**
   * Removes and returns all messages that are there, in order, and then deletes the queue if it is empty and
   * nobody consumes from it: a finished task leaves nothing behind. When only the deletion fails, the messages are
   * returned, `onStatus` gets a `warning`, and the empty queue stays.
   *
   * The SDK clears a task's queue with this method and drops the promise, so that a rejection would end the process. Its
   * calls always pass a session id, even an undefined one, and calls that do never reject: a failure goes to `onStatus`,
   * and the result is empty. Leave the session id out, or use {@link clear}, to get the rejection. A wrapper
   * that you put between the SDK and this object has to pass both arguments on.
   * A message that can be neither decoded nor set aside stays, and the queue with it.
   * @throws MalformedMessageError when one cannot be decoded, and it is not known whether it can be set aside; then all of
   * them stay in the queue
   */
  dequeueAll(taskId: string, ...session: [sessionId?: string]): Promise<QueuedMessage[]> {
    const all = this.#call(taskId, 'clear', 'Cannot clear', () => this.#queues.malformed.takeAll(taskId));
    if (session.length === 0) return droppable(all);
    return all.catch((error) => {
      this.#queues.options.warn(error as TaskQueueError);
      return [];
    });
  }

  /** The same as {@link dequeueAll} without a session id, by the name that the Python package has for it. */
  clear(taskId: string): Promise<QueuedMessage[]> {
    return this.dequeueAll(taskId);
  }

  /**
   * Returns the oldest message without removing it; `undefined` if there is none.
   * @throws MalformedMessageError when it cannot be decoded
   */
  peek(taskId: string): Promise<QueuedMessage | undefined> {
    return this.#call(taskId, 'look', 'Cannot peek at', async () => {
      const [message] = await this.#queues.client.peek(taskId);
      return message && decodeQueuedMessage(taskId, message.body);
    });
  }

  /** Whether no message is ready in the task's queue. */
  async isEmpty(taskId: string): Promise<boolean> {
    return (await this.size(taskId)) === 0;
  }

  /** The number of messages ready in the task's queue, without those that a reader holds unacknowledged. */
  size(taskId: string): Promise<number> {
    return this.#call(
      taskId,
      'look',
      'Cannot look at',
      async () => (await this.#queues.client.depth(taskId))?.messages ?? 0,
    );
  }

  /**
   * Resolves when the task's queue has a message, published by any process; takes nothing. A publisher with events
   * wakes it within milliseconds, any other within half a second (later when waiting for more than a hundred tasks).
   * With several readers the message may be gone by the time you dequeue.
   * @throws the reason of the signal; TaskQueueError `WAIT_TIMEOUT`, `NO_ANSWER` when the time is over and the
   * broker does not answer, `CONNECTION_FAILED` when a lost connection does not return within `reconnectTimeoutMs`, or
   * at once when the first connection cannot be opened, `INVALID_ARGUMENT`, or `CLOSED` when this object is closed
   */
  async waitForMessage(taskId: string, options?: WaitOptions): Promise<void> {
    try {
      await this.#queues.client.waiter.wait(taskId, options);
    } catch (error) {
      throw clientFacingError(error, `Cannot wait for a message of ${taskName(taskId)}`);
    }
  }

  /**
   * The state of the connections, and counters, as {@link TaskQueueClient.stats}. `waiting` includes messages that wait for
   * earlier calls on this object.
   */
  stats(): ClientStats {
    return this.#queues.order.addTo(this.#queues.client.stats());
  }

  /** Makes every {@link waitForMessage} of this object for the task check at once. */
  notifyMessageAvailable(taskId: string): void {
    this.#queues.client.waiter.notify(taskId);
  }

  /**
   * Lets the operations under way finish, within `closeTimeoutMs` or the `timeoutMs` given here, then closes the
   * connections; what is not done by then rejects. Waits for messages end at once. Later calls reject with `CLOSED`.
   * Idempotent, and done within twice that time even when the broker no longer answers.
   */
  async close(options?: CloseOptions): Promise<void> {
    const { timeoutMs = this.#queues.options.closeTimeoutMs } = checkOptions(options, CLOSE_CHECKS);
    this.#closing ??= this.#queues.close(timeoutMs);
    await this.#closing;
  }

  /** The same as {@link close}, for `await using`, which takes Node 24 or a compiler such as TypeScript. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #enqueue(taskId: string, message: QueueableMessage, maxSize: number | undefined): Promise<void> {
    // Encode now, as the caller may change it later.
    const body = encodeQueuedMessage(message);
    const publish = async () => {
      // The SDK's servers have no limit, unless somebody sets it.
      await this.#queues.client.publish(taskId, { body }, maxSize === undefined ? undefined : { maxSize });
    };
    await this.#call(taskId, 'enqueue', 'Cannot enqueue to', publish, body.length);
    this.#queues.client.waiter.notify(taskId);
  }

  /** In its turn, and with errors that may be shown to an MCP client. */
  async #call<T>(
    taskId: string,
    kind: CallKind,
    doing: string,
    work: () => Promise<T>,
    bytes?: number,
  ): Promise<T> {
    const what = `${doing} ${taskName(taskId)}`;
    if (this.#closing !== undefined) {
      throw new TaskQueueError(ErrorCode.closed, `${what}: the queue was closed`, {
        hint: 'Create a new queue object.',
      });
    }
    try {
      return await this.#queues.order.run(taskId, kind, what, work, bytes);
    } catch (error) {
      throw clientFacingError(error, what);
    }
  }
}

/** A promise whose rejection does not end the process if nobody awaits it. */
function droppable<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
