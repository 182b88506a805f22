import type { TaskQueueError } from './errors.ts';
import { MessageWaiter, type WaitOptions } from './message-waiter.ts';
import type { TaskQueueOptions } from './options.ts';
import { TaskQueueClient } from './task-queue-client.ts';
import { decodeQueuedMessage, encodeQueuedMessage } from './wire/codec.ts';
import type { QueueableMessage, QueuedMessage } from './wire/messages.ts';
import type { StoredMessage } from './wire/stored-message.ts';

/**
 * The message queues of MCP tasks in RabbitMQ: one durable queue per task, `mcp:queue:{task_id}`, shared with
 * any number of processes and with the Python package rabbitmq-mcp-task-queue.
 *
 * It is a `TaskMessageQueue` of the MCP TypeScript SDK 1.24 to 1.32. The session id of that interface is
 * ignored on purpose, as in the SDK's own in-memory queue: task ids are unique, and the task store decides
 * which session finds a task.
 *
 * Delivery is in order and at least once. Messages survive a restart of the broker. Reading never creates a
 * queue: a missing one is empty. Every method rejects with a {@link TaskQueueError}, by a deadline.
 *
 * @example
 * await using queue = new RabbitMQTaskMessageQueue('amqp://user:password@rabbit.example/');
 * await queue.enqueue(taskId, { type: 'notification', timestamp: Date.now(), message });
 */
export class RabbitMQTaskMessageQueue {
  readonly #client: TaskQueueClient;
  readonly #waiter: MessageWaiter;
  readonly #onWarning: (warning: TaskQueueError) => void;

  /**
   * Connects to nothing yet: that happens with the first operation.
   * @param options URL (default `amqp://localhost:5672`) or options
   * @throws TaskQueueError `INVALID_ARGUMENT` for options that cannot work
   */
  constructor(options?: string | TaskQueueOptions) {
    this.#client = new TaskQueueClient(options);
    this.#onWarning = (typeof options === 'object' && options.onWarning) || (() => {});
    this.#waiter = new MessageWaiter(this.#client, this.#onWarning);
  }

  /**
   * Adds a message to the end of the task's queue, which is created if it is missing. Resolves when the broker
   * has confirmed that it is stored on disk. Messages of one task keep the order of the calls.
   *
   * @param maxSize reject when the queue has this many messages already. Exact among the calls on this object;
   * across processes it is a check and then a publish (see {@link PublishOptions.maxSize})
   * @throws PublishUnconfirmedError when the message was sent and nobody knows what became of it
   * @throws TaskQueueError `QUEUE_OVERFLOW` (the message contains `Task message queue overflow`),
   * `INVALID_MESSAGE`, …: the message is not in the queue
   */
  async enqueue(
    taskId: string,
    message: QueueableMessage,
    _sessionId?: string,
    maxSize?: number,
  ): Promise<void> {
    const body = encodeQueuedMessage(message);
    await this.#client.publish(taskId, { body }, { maxSize });
    this.#waiter.notify(taskId);
  }

  /**
   * Removes and returns the oldest message; `undefined` when there is none.
   * @throws MalformedMessageError when it cannot be decoded; it stays in the queue
   */
  dequeue(taskId: string, _sessionId?: string): Promise<QueuedMessage | undefined> {
    return this.#client.dequeue(taskId, decode);
  }

  /**
   * Removes and returns all messages that are there, in order, and then deletes the queue if it is empty and
   * nobody consumes from it: a finished task leaves nothing behind. When only the deletion fails, the messages are
   * returned, `onWarning` is told, and the empty queue stays.
   * @throws MalformedMessageError when one cannot be decoded; then all of them stay in the queue
   */
  async dequeueAll(taskId: string, _sessionId?: string): Promise<QueuedMessage[]> {
    const messages: QueuedMessage[] = [];
    const take = (batch: StoredMessage[], before: number) => {
      // Shorter than it is when the connection was lost, and all of them come again.
      messages.length = before;
      for (const message of batch) messages.push(decode(message));
    };
    // None of them when another reader had taken all before it could begin again.
    messages.length = await this.#client.clear(taskId, take, {
      allOrNone: true,
      withQueue: true,
      // Where it is still there, it is deleted below, as that may fail.
      keepQueue: true,
    });
    try {
      await this.#client.deleteIfUnused(taskId);
    } catch (error) {
      // What was removed from the queue is in nobody else's hands: it must reach the caller.
      if (messages.length === 0) throw error;
      this.#onWarning(error as TaskQueueError);
    }
    return messages;
  }

  /** The same as {@link dequeueAll}, by the name that the Python package has for it. */
  async clear(taskId: string): Promise<QueuedMessage[]> {
    return this.dequeueAll(taskId);
  }

  /**
   * The oldest message, which stays in the queue; `undefined` when there is none.
   * @throws MalformedMessageError when it cannot be decoded
   */
  async peek(taskId: string): Promise<QueuedMessage | undefined> {
    const [message] = await this.#client.peek(taskId);
    return message && decode(message);
  }

  /** Whether no message is ready in the task's queue. */
  async isEmpty(taskId: string): Promise<boolean> {
    return (await this.size(taskId)) === 0;
  }

  /** How many messages are ready in the task's queue, those that a reader holds unacknowledged left out. */
  async size(taskId: string): Promise<number> {
    return (await this.#client.depth(taskId))?.messages ?? 0;
  }

  /**
   * Resolves when the task's queue has a message, whoever put it there, in whatever process; takes nothing. A
   * publisher with events wakes it within milliseconds, any other one within half a second (later when more
   * than a hundred tasks are waited for). With several readers the message may be gone again by the time of
   * the dequeue.
   * @throws the reason of the signal; TaskQueueError `WAIT_TIMEOUT`, `NO_ANSWER` when the time is over and the
   * broker does not answer, or `CLOSED` when this object is closed
   */
  async waitForMessage(taskId: string, options?: WaitOptions): Promise<void> {
    await this.#waiter.wait(taskId, options);
  }

  /** Makes every {@link waitForMessage} of this object for the task look at once, instead of at its next turn. */
  notifyMessageAvailable(taskId: string): void {
    this.#waiter.notify(taskId);
  }

  /**
   * Waits for outstanding confirms, then closes the connections. Idempotent, and done within a deadline even
   * when the broker no longer answers. Operations under way reject.
   */
  async close(): Promise<void> {
    this.#waiter.close();
    await this.#client.close();
  }

  /** The same as {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function decode({ taskId, body }: StoredMessage): QueuedMessage {
  return decodeQueuedMessage(taskId, body);
}
