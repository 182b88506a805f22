import { taskName } from '../errors/task-name.ts';
import { ErrorCode, MalformedMessageError, TaskQueueError } from '../errors/task-queue-error.ts';
import { decodeQueuedMessage } from '../messages/codec.ts';
import type { QueuedMessage, QueuedNotification } from '../messages/queued-message.ts';
import type { StoredMessage } from '../messages/stored-message.ts';
import { clientFacingError } from '../sdk/client-facing-error.ts';
import type { ClientConnection } from './client-connection.ts';
import { clientGoneError, HeldMessage, throwIfGone } from './held-message.ts';
import type { LinkedStore } from './linked-store.ts';
import { parseAddress, type QuestionAddress, randomToken } from './question-address.ts';
import type { ReplicaCore } from './replica-core.ts';
import { hasClientLeft, type RequestContext, requestContext } from './request-context.ts';
import { withId } from './sdk-shapes.ts';
import type { TaskCalls } from './task-calls.ts';
import { waitForMessage, waitForReturn } from './task-waits.ts';

/** Gives a server object what is queued for its client. It stays in its queue until the transport has sent it. */
export class QuestionDeliverer {
  readonly #core: ReplicaCore;
  readonly #connection: ClientConnection;
  readonly #calls: TaskCalls;
  readonly #store: LinkedStore;
  readonly #held = new Map<object, HeldMessage>();
  /** Each with its task. */
  readonly #takes = new Map<Promise<void>, string>();
  #hasWarned = false;

  constructor(core: ReplicaCore, connection: ClientConnection, calls: TaskCalls, store: LinkedStore) {
    this.#core = core;
    this.#connection = connection;
    this.#calls = calls;
    this.#store = store;
  }

  /** The next message. On behalf of a `tasks/result` this waits for one until the SDK would look again. */
  async dequeue(taskId: string): Promise<QueuedMessage | undefined> {
    const context = requestContext.getStore();
    const what = `Cannot dequeue from ${taskName(taskId)}`;
    if (this.#connection.isMissing && !this.#hasWarned) {
      this.#hasWarned = true;
      this.#core.options.warn(missingTransportWarning());
    }
    try {
      // Before 1.32, the SDK asks the store only after it has delivered what is queued, for whatever id the client has sent.
      const isUnseen = context?.taskId === taskId && context.task === undefined;
      if (isUnseen && (await this.#store.isMissing(taskId))) return undefined;
      if (context?.taskId === taskId) await this.#settleCopied(context);
      for (;;) {
        this.#connection.throwIfClosed();
        throwIfGone(context);
        // Before a message is taken, as well: RabbitMQ counts how often one of a quorum queue is given back.
        this.#checkOwner(taskId, context);
        // It may come back by another session as well: what is queued meanwhile is for the first that comes.
        if (context !== undefined && hasClientLeft(context)) await waitForReturn(context);
        const message = await this.#calls.inOrder(taskId, 'dequeue', what, () => this.#take(taskId, context));
        if (message !== undefined || context?.taskId !== taskId) return message;
        if (!(await waitForMessage(this.#core.client.waiter, taskId, context)) && !hasClientLeft(context))
          return undefined;
      }
    } catch (error) {
      throw clientFacingError(error, what);
    }
  }

  /** Whether the SDK has this message from the queue; then it is acknowledged, or given back, by what comes of it. */
  async sendHeld(message: object, send: () => Promise<void>): Promise<boolean> {
    const held = this.#held.get(message);
    if (held === undefined) return false;
    try {
      await held.send(async () => {
        // At the last moment: the clearing of a cancelled task does not see what is held. The SDK has just asked the same
        // store, and reports its failures.
        if (await this.#store.isCancelled(held.taskId).catch(() => false))
          this.#core.endQuestions(held.taskId);
        // It is taken again when the client is back.
        else if (held.context !== undefined && hasClientLeft(held.context)) held.giveBack(clientGoneError());
        else await send();
      });
    } finally {
      this.#held.delete(message);
    }
    return true;
  }

  /**
   * The SDK asks for the next message once it has sent the one before. That is still held where something between the SDK and
   * our transport has sent a copy of it, as to log or change messages.
   */
  async #settleCopied(context: RequestContext): Promise<void> {
    for (const [message, held] of this.#held)
      if (held.context === context) await this.sendHeld(message, async () => {});
  }

  /** What was not sent is given back, and nobody answers here any more. */
  close(reason: Error): void {
    for (const held of this.#held.values()) held.giveBack(reason);
    this.#held.clear();
    this.#core.delivered.forget(this);
  }

  /** Removes what is queued for a cancelled task, once no message held here keeps its queue from being deleted. */
  async clear(taskId: string): Promise<void> {
    await Promise.all([...this.#takes].map(([taken, ofTask]) => ofTask === taskId && taken));
    await this.#calls.clear(taskId);
  }

  async #take(taskId: string, context: RequestContext | undefined): Promise<QueuedMessage | undefined> {
    for (;;) {
      const taken = await this.#takeOne(taskId, context);
      if (taken !== 'skipped') return taken;
    }
  }

  /** Resolves when the message is here; it is acknowledged, or given back, when it is known what became of it. */
  #takeOne(
    taskId: string,
    context: RequestContext | undefined,
  ): Promise<QueuedMessage | undefined | 'skipped'> {
    return new Promise((resolve, reject) => {
      const handOver = async (decoded: QueuedMessage, stored: StoredMessage) => {
        const address = decoded.type === 'request' ? parseAddress(decoded.message.id) : undefined;
        // RabbitMQ that was killed may have forgotten that the question was taken.
        if (address !== undefined && this.#core.isAnswered(address)) return 'skipped';
        this.#core.owners.noteMessage(taskId, stored);
        this.#checkOwner(taskId, context);
        const message = this.#addressed(taskId, decoded, context);
        // Both may have come to pass since it was asked for.
        this.#connection.throwIfClosed();
        throwIfGone(context);
        const held = new HeldMessage(taskId, context);
        this.#held.set(message.message, held);
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
      const taken = this.#core.malformed.take(taskId, handOver, decodeForClient).then(resolve, (error) => {
        reject(error);
        // Nobody else clears what is given back after the task was cancelled and cleared.
        this.#clearIfCancelled(taskId);
      });
      this.#takes.set(taken, taskId);
      taken.finally(() => this.#takes.delete(taken));
    });
  }

  async #clearIfCancelled(taskId: string): Promise<void> {
    if (await this.#store.isCancelled(taskId).catch(() => false)) await this.clear(taskId);
  }

  /** What is resumed elsewhere, without a request, is nobody's in particular. */
  #checkOwner(taskId: string, context: RequestContext | undefined): void {
    if (context !== undefined) this.#core.owners.check(taskId, this.#core.principal(context.origin));
  }

  /** As the client is to get it. */
  #addressed(taskId: string, queued: QueuedMessage, context: RequestContext | undefined): QueuedMessage {
    const recipient = this.#core.recipient(context?.origin ?? {}, this.#connection.transport?.session);
    if (queued.type === 'request') {
      const { id } = queued.message;
      // A question that no replica has asked gets an address as well, where nobody waits: its answer must not be taken
      // for another one's.
      const address = parseAddress(id) ?? { instance: this.#core.instance, serial: randomToken() };
      if (parseAddress(id) === undefined) this.#core.options.warn(strangerWarning(taskId));
      return { ...queued, message: withId(queued.message, this.#core.seals.seal(address, recipient)) };
    }
    if (!isCancellation(queued)) return queued;
    const address = parseAddress(queued.message.params?.requestId) as QuestionAddress;
    this.#core.delivered.delete(address);
    const params = { ...queued.message.params, requestId: this.#core.seals.seal(address, recipient) };
    return { ...queued, message: { ...queued.message, params } };
  }
}

/** @throws MalformedMessageError */
function decodeForClient({ taskId, body }: StoredMessage): QueuedMessage {
  const decoded = decodeQueuedMessage(taskId, body);
  const reason = reasonNotToDeliver(decoded);
  if (reason !== undefined) throw new MalformedMessageError(taskId, body, reason);
  return decoded;
}

/** What a plain queue has put there, and the SDK of the client or the server would take to be about another question. */
function reasonNotToDeliver(queued: QueuedMessage): string | undefined {
  if (queued.type === 'response' || queued.type === 'error') {
    return `it is a message of type ${queued.type} with an unknown recipient`;
  }
  if (!isCancellation(queued) || parseAddress(queued.message.params?.requestId) !== undefined)
    return undefined;
  return 'it cancels a question that no replica has asked';
}

function isCancellation(queued: QueuedMessage): queued is QueuedNotification {
  return queued.type === 'notification' && queued.message.method === 'notifications/cancelled';
}

function missingTransportWarning(): TaskQueueError {
  return new TaskQueueError(
    ErrorCode.invalidArgument,
    'A server object was connected without link.wrapTransport(): the answers of its client will be lost',
    { hint: 'Connect it with server.connect(link.wrapTransport(transport)).' },
  );
}

function strangerWarning(taskId: string): TaskQueueError {
  return new TaskQueueError(
    ErrorCode.invalidMessage,
    `A question of ${taskName(taskId)} was not asked by a replica: its answer will reach nobody`,
    { hint: 'Let every server process use mcp-taskq/replicas.' },
  );
}
