import { ErrorCode, hasCode } from '../errors/task-queue-error.ts';
import type { QueueableMessage } from '../messages/queued-message.ts';
import type { ClientConnection } from './client-connection.ts';
import type { LinkedStore } from './linked-store.ts';
import type { Asker, OpenQuestion } from './open-questions.ts';
import { formatAddress } from './question-address.ts';
import type { ReplicaCore } from './replica-core.ts';
import { type RpcMessage, withId } from './sdk-shapes.ts';
import type { TaskCalls } from './task-calls.ts';

/** Queues a server object's questions and messages, and receives the answers. */
export class QuestionAsker implements Asker {
  readonly #core: ReplicaCore;
  readonly #connection: ClientConnection;
  readonly #calls: TaskCalls;
  readonly #store: LinkedStore;

  constructor(core: ReplicaCore, connection: ClientConnection, calls: TaskCalls, store: LinkedStore) {
    this.#core = core;
    this.#connection = connection;
    this.#calls = calls;
    this.#store = store;
  }

  receive(message: object): void {
    this.#connection.transport?.receive(message);
  }

  async enqueue(taskId: string, queued: QueueableMessage, maxSize: number | undefined): Promise<void> {
    this.#connection.throwIfClosed();
    if (queued.type === 'response' || queued.type === 'error') {
      // The reply to a request of the client's own, which waits for it on this connection.
      await this.#connection.transport?.send(queued.message);
      return;
    }
    if (queued.type === 'notification') {
      await this.#publish(taskId, queued, maxSize);
      return;
    }
    // Before it is published, as the answer may be here before the confirm.
    const question = this.#core.questions.open(this, queued.message.id, taskId);
    const message = withId(queued.message, formatAddress(question.address));
    try {
      await this.#publish(taskId, { ...queued, message }, maxSize, question);
    } catch (error) {
      // The question may be in the queue nevertheless, and then its answer counts.
      if (!hasCode(error, ErrorCode.publishUnconfirmed)) this.#core.questions.close(question);
      throw error;
    }
  }

  /**
   * The SDK gave up a question and wants to notify the client. That goes through the task, like the question: the
   * request that caused it was answered long ago.
   * @returns whether it was one
   */
  async cancel(message: RpcMessage): Promise<boolean> {
    const question = this.#core.questions.findByMessageId(this, message.params?.requestId);
    if (question === undefined) return false;
    this.#core.questions.close(question);
    const { taskId, address } = question;
    const params = {
      ...message.params,
      requestId: formatAddress(address),
      _meta: { 'io.modelcontextprotocol/related-task': { taskId } },
    };
    const notification = { jsonrpc: '2.0' as const, method: 'notifications/cancelled', params };
    await this.#publish(taskId, { type: 'notification', message: notification, timestamp: Date.now() });
    return true;
  }

  /** Answers are no longer received here. */
  close(): void {
    this.#core.questions.closeAll(this);
  }

  /**
   * A replica that cancels a task then clears its queue. So if the task is not cancelled when the message is in the queue,
   * the message will be cleared; otherwise it may have come too late for that, and is cleared here.
   */
  async #publish(
    taskId: string,
    queued: QueueableMessage,
    maxSize?: number,
    question?: OpenQuestion,
  ): Promise<void> {
    await this.#calls.publish(taskId, queued, maxSize);
    // What is queued stays queued if the store fails; a delivery looks again.
    if (!(await this.#store.isCancelled(taskId).catch(() => false))) return;
    // The clearing may not find it: RabbitMQ drops what arrives while it deletes a queue.
    if (question !== undefined) this.#core.replies.send(question.address, 'ended');
    await this.#calls.clear(taskId);
  }
}
