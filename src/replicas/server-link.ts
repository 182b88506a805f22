import { setTimeout as sleep } from 'node:timers/promises';
import { ErrorCode, hasCode, MalformedMessageError, TaskQueueError } from '../errors/task-queue-error.ts';
import { encodeQueuedMessage } from '../messages/codec.ts';
import type { QueueableMessage, QueuedMessage } from '../messages/queued-message.ts';
import type { StoredMessage } from '../messages/stored-message.ts';
import type { MessageProperties } from '../properties/message-properties.ts';
import type { CallKind } from '../sdk/call-order.ts';
import { clientFacingError } from '../sdk/client-facing-error.ts';
import { HeldMessage, throwIfGone } from './held-message.ts';
import type { Asker, OpenQuestion } from './open-questions.ts';
import {
  formatAddress,
  parseAddress,
  type QuestionAddress,
  type Recipient,
  randomToken,
} from './question-address.ts';
import type { ReplicaCore } from './replica-core.ts';
import { type RequestContext, requestContext } from './request-context.ts';
import { type MessageOrigin, type RpcMessage, withId } from './sdk-shapes.ts';

/** What a server object's transport is to its queue. */
export interface Connection {
  /** Of the session, or of the connection where there are none; empty where there is neither. */
  readonly session: string;
  /** Sends past the queue. */
  send(message: object): Promise<void>;
  /** Hands the SDK a message as if the client had sent it. */
  receive(message: object): void;
}

/** The task message queue of one server object. */
export class ServerLink implements Asker {
  readonly #core: ReplicaCore;
  /** Keeps the order of this object's calls apart from that of others. */
  readonly #token = randomToken();
  readonly #held = new Map<object, HeldMessage>();
  readonly #contexts = new Map<string | number, RequestContext>();
  #connection: Connection | undefined;
  #isClosed = false;

  constructor(core: ReplicaCore) {
    this.#core = core;
  }

  /** @throws TaskQueueError `INVALID_ARGUMENT` while the server object has another transport */
  connect(connection: Connection): void {
    if (this.#connection !== undefined) {
      throw new TaskQueueError(
        ErrorCode.invalidArgument,
        'This link has a transport already; every server object needs a link of its own',
      );
    }
    this.#connection = connection;
    this.#isClosed = false;
  }

  /** The transport has closed: what was not sent is given back, and nobody answers here any more. */
  disconnect(): void {
    this.#connection = undefined;
    this.#isClosed = true;
    for (const { abort } of this.#contexts.values()) abort.abort(closedError());
    this.#contexts.clear();
    for (const held of this.#held.values()) held.giveBack(closedError());
    this.#held.clear();
    this.#core.questions.closeAll(this);
    this.#core.delivered.forget(this);
  }

  begin(context: RequestContext): void {
    this.#contexts.set(context.id, context);
  }

  /** @param reason why nothing that waits on behalf of the request may go on; absent when it is answered */
  end(requestId: unknown, reason?: Error): void {
    const context = this.#contexts.get(requestId as string | number);
    this.#contexts.delete(requestId as string | number);
    if (reason !== undefined) context?.abort.abort(reason);
  }

  receive(message: object): void {
    // What the answer sets going is not done on behalf of whoever passed it on.
    requestContext.exit(() => this.#connection?.receive(message));
  }

  async enqueue(taskId: string, queued: QueueableMessage, maxSize: number | undefined): Promise<void> {
    this.#throwIfClosed();
    if (queued.type === 'response' || queued.type === 'error') {
      // The reply to a request of the client's own, which waits for it on this connection.
      await this.#connection?.send(queued.message);
      return;
    }
    if (queued.type === 'notification') return this.#publish(taskId, queued, maxSize);
    // Before it is published, as the answer may be here before the confirm.
    const question = this.#core.questions.open(this, queued.message.id, taskId);
    const message = withId(queued.message, formatAddress(question.address));
    try {
      await this.#publish(taskId, { ...queued, message }, maxSize, this.#core.questionProperties());
    } catch (error) {
      // It may be in the queue all the same, and its answer counts then.
      if (!hasCode(error, ErrorCode.publishUnconfirmed)) this.#core.questions.close(question);
      throw error;
    }
  }

  /**
   * The next message; it stays in its queue until it is sent. On behalf of a `tasks/result` this waits for one until
   * the SDK would look again.
   */
  async dequeue(taskId: string): Promise<QueuedMessage | undefined> {
    const context = requestContext.getStore();
    const what = `Cannot dequeue from task ${JSON.stringify(taskId)}`;
    try {
      for (;;) {
        this.#throwIfClosed();
        throwIfGone(context);
        const message = await this.#inOrder(taskId, 'dequeue', what, () => this.#take(taskId, context));
        if (message !== undefined || context?.taskId !== taskId) return message;
        if (!(await this.#waitFor(taskId, context))) return undefined;
      }
    } catch (error) {
      throw clientFacingError(error, what);
    }
  }

  /**
   * Removes everything. Returned is what the SDK of this server object has to know; whoever else asked is told that the
   * task is over. Never rejects: the SDK drops the promise, and a rejection would end the process.
   */
  async dequeueAll(taskId: string): Promise<QueuedMessage[]> {
    const what = `Cannot clear task ${JSON.stringify(taskId)}`;
    try {
      return await this.#inOrder(taskId, 'clear', what, () => this.#clear(taskId));
    } catch (error) {
      this.#core.options.warn(error as TaskQueueError);
      return [];
    } finally {
      this.#core.endQuestions(taskId);
    }
  }

  /** Whether the SDK has this message from the queue; then it is acknowledged, or given back, by what comes of it. */
  async sendHeld(message: object, send: () => Promise<void>): Promise<boolean> {
    const held = this.#held.get(message);
    if (held === undefined) return false;
    try {
      await held.send(send);
    } finally {
      this.#held.delete(message);
    }
    return true;
  }

  /**
   * The SDK has given up a question, and wants to tell the client. That goes by way of the task, as the question did:
   * the request on whose behalf it was asked is long answered.
   * @returns whether it was one
   */
  async cancelQuestion(message: RpcMessage): Promise<boolean> {
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

  /**
   * The address in the id, or the progress token, of what a client has sent.
   * @throws TaskQueueError unless it was delivered to this very client
   */
  unseal(id: string, origin: MessageOrigin): QuestionAddress {
    const address = this.#core.unseal(id, this.#recipient(origin));
    if (address !== undefined) return address;
    throw new TaskQueueError(ErrorCode.accessRefused, 'It answers no question that was put to this client');
  }

  /** The client has answered. @throws TaskQueueError when it had before */
  answer(address: QuestionAddress, message: RpcMessage): void {
    if (!this.#core.noteAnswer(address)) {
      throw new TaskQueueError(ErrorCode.accessRefused, 'The question was answered before');
    }
    this.#core.delivered.delete(address);
    this.#core.replies.send(address, 'answer', message);
  }

  progress(address: QuestionAddress, message: RpcMessage): void {
    this.#core.replies.send(address, 'progress', message);
  }

  /**
   * The task as the SDK is to see it while it answers `tasks/result`.
   * @param look looks at the task itself
   */
  async seeTask(context: RequestContext, look: () => Promise<TaskSeen | null>): Promise<TaskSeen | null> {
    const task = await look();
    context.task = {
      isOver: task === null || ENDS.includes(task.status),
      pollInterval: task?.pollInterval || DEFAULT_POLL_MS,
      look: async () => void (await this.seeTask(context, look)),
    };
    if (task === null) return null;
    // The SDK would pause between two looks, which delays what is queued meanwhile; `dequeue` waits in its stead.
    const seen = { ...task, pollInterval: 1 };
    if (!context.task.isOver) return seen;
    this.#core.endQuestions(task.taskId);
    // What was queued before the end is delivered before the result; the SDK drops it when it comes between two looks.
    const isDelivered = task.status === 'cancelled' || !(await this.#hasMessages(task.taskId));
    return isDelivered ? seen : { ...seen, status: 'working' };
  }

  async #hasMessages(taskId: string): Promise<boolean> {
    try {
      return ((await this.#core.client.depth(taskId))?.messages ?? 0) > 0;
    } catch {
      return false;
    }
  }

  async #publish(
    taskId: string,
    queued: QueueableMessage,
    maxSize?: number,
    properties?: MessageProperties,
  ): Promise<void> {
    // Encoded now: the caller may go on to change it.
    const body = encodeQueuedMessage(queued);
    const { client, replies, waiter } = this.#core;
    const what = `Cannot enqueue to task ${JSON.stringify(taskId)}`;
    try {
      await this.#inOrder(taskId, 'enqueue', what, async () => {
        if (properties !== undefined) await replies.open();
        await client.publish(taskId, { body, properties }, { maxSize });
      });
    } catch (error) {
      throw clientFacingError(error, what);
    }
    waiter.notify(taskId);
  }

  /**
   * Waits for the next message on behalf of a `tasks/result`, and looks at the task as often as the SDK would.
   * @returns false when the task is over, or when nothing is known of it
   */
  async #waitFor(taskId: string, context: RequestContext): Promise<boolean> {
    if (context.task === undefined || context.task.isOver) return false;
    const { exchange, abort, isResumable } = context;
    const gone = exchange && !isResumable ? [exchange.gone] : [];
    const enough = new AbortController();
    const signal = AbortSignal.any([...gone, abort.signal, enough.signal]);
    const message = this.#core.waiter.wait(taskId, { signal }).then(() => true);
    // It may end while the task is looked at, and nobody waits for it then.
    message.catch(() => {});
    try {
      for (;;) {
        const pause = sleep(context.task.pollInterval, false, { signal });
        pause.catch(() => {});
        if (await Promise.race([message, pause])) return true;
        await context.task.look();
        if (context.task.isOver) return false;
      }
    } catch (error) {
      throwIfGone(context);
      throw error;
    } finally {
      enough.abort();
    }
  }

  async #take(taskId: string, context: RequestContext | undefined): Promise<QueuedMessage | undefined> {
    for (;;) {
      const taken = await this.#takeOne(taskId, context);
      if (taken !== 'set aside') return taken;
    }
  }

  /** Resolves when the message is here; it is acknowledged, or given back, when it is known what became of it. */
  #takeOne(
    taskId: string,
    context: RequestContext | undefined,
  ): Promise<QueuedMessage | undefined | 'set aside'> {
    return new Promise((resolve, reject) => {
      const handOver = async (stored: StoredMessage) => {
        const decoded = await this.#decode(stored);
        if (decoded === undefined) return 'set aside';
        const message = this.#addressed(taskId, decoded, context);
        // Both may have come to pass since it was asked for.
        this.#throwIfClosed();
        throwIfGone(context);
        const held = new HeldMessage(context);
        this.#held.set(message.message, held);
        const address = decoded.type === 'request' ? parseAddress(decoded.message.id) : undefined;
        // Before it is sent, as the answer may be here at once.
        if (address !== undefined) this.#core.delivered.add(taskId, address, this);
        resolve(message);
        try {
          await held.sent;
        } catch (error) {
          if (address !== undefined) this.#core.delivered.delete(address);
          throw error;
        }
        return undefined;
      };
      this.#core.client.take(taskId, handOver).then(resolve, reject);
    });
  }

  /** `undefined` for what was set aside. */
  async #decode(stored: StoredMessage): Promise<QueuedMessage | undefined> {
    const decoded = await this.#core.malformed.decode(stored);
    if (decoded?.type !== 'response' && decoded?.type !== 'error') return decoded;
    // A plain queue has put it there. The SDK would take it for the answer to whatever question has its number.
    const reason = `it is of type ${decoded.type}, and nobody knows to whom`;
    return this.#core.malformed.setAside(
      stored,
      new MalformedMessageError(stored.taskId, stored.body, reason),
    );
  }

  /** As the client is to get it. */
  #addressed(taskId: string, queued: QueuedMessage, context: RequestContext | undefined): QueuedMessage {
    const recipient = this.#recipient(context?.origin ?? {});
    if (queued.type === 'request') {
      const { id } = queued.message;
      // A question that no replica has asked gets an address as well, where nobody waits: its answer must not be taken
      // for another one's.
      const address = parseAddress(id) ?? { instance: this.#core.instance, serial: randomToken() };
      if (parseAddress(id) === undefined) this.#warnOfStranger(taskId);
      return { ...queued, message: withId(queued.message, this.#core.seal(address, recipient)) };
    }
    const { message } = queued as { message: RpcMessage };
    if (queued.type !== 'notification' || message.method !== 'notifications/cancelled') return queued;
    const address = parseAddress(message.params?.requestId);
    if (address === undefined) return queued;
    this.#core.delivered.delete(address);
    const params = { ...queued.message.params, requestId: this.#core.seal(address, recipient) };
    return { ...queued, message: { ...queued.message, params } };
  }

  async #clear(taskId: string): Promise<QueuedMessage[]> {
    const { client, malformed, options } = this.#core;
    const taken: (QueuedMessage | undefined)[] = [];
    const take = async (batch: StoredMessage[], before: number) => {
      // Shorter than it is when the connection was lost, and all of them come again.
      taken.length = before;
      for (const stored of batch) taken.push(await malformed.decode(stored));
    };
    const bulk = { allOrNone: true, withQueue: true, keepQueue: true };
    taken.length = await client.clear(taskId, take, bulk);
    const own: QueuedMessage[] = [];
    for (const queued of taken) {
      if (queued?.type !== 'request') continue;
      const address = parseAddress(queued.message.id);
      if (address === undefined) continue;
      const question = this.#core.questions.find(address.serial);
      if (question?.asker === this) own.push(this.#takeBack(question, queued));
      else this.#core.replies.send(address, 'ended');
    }
    await client.deleteIfUnused(taskId).catch(options.warn);
    return own;
  }

  /** One of this object's questions, as its SDK has queued it. */
  #takeBack(question: OpenQuestion, queued: QueuedMessage & { type: 'request' }): QueuedMessage {
    this.#core.questions.close(question);
    return { ...queued, message: withId(queued.message, question.messageId) };
  }

  #inOrder<T>(taskId: string, kind: CallKind, what: string, work: () => Promise<T>): Promise<T> {
    return this.#core.order.run(`${this.#token} ${taskId}`, kind, what, work);
  }

  #recipient(origin: MessageOrigin): Recipient {
    return this.#core.recipient(origin, this.#connection?.session ?? '');
  }

  #warnOfStranger(taskId: string): void {
    this.#core.options.warn(
      new TaskQueueError(
        ErrorCode.invalidMessage,
        `A question of task ${JSON.stringify(taskId)} was not asked by a replica: its answer will reach nobody`,
        { hint: 'Let every server process use mcp-taskq/replicas.' },
      ),
    );
  }

  #throwIfClosed(): void {
    if (this.#isClosed) throw closedError();
  }
}

/** What a task does not come back from. */
const ENDS = ['completed', 'failed', 'cancelled'];

/** The SDK's poll interval for a task without one. */
const DEFAULT_POLL_MS = 1_000;

/** What the SDK looks at in a task. */
export interface TaskSeen {
  taskId: string;
  status: string;
  pollInterval?: number | null;
}

function closedError(): TaskQueueError {
  return new TaskQueueError(ErrorCode.closed, 'The connection to the client is closed');
}
