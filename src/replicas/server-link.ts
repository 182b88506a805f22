import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';
import type { QueuedMessage } from '../messages/queued-message.ts';
import { ClientConnection, type ConnectedTransport, closedError } from './client-connection.ts';
import { LinkedStore } from './linked-store.ts';
import { OpenRequests } from './open-requests.ts';
import type { QuestionAddress } from './question-address.ts';
import { QuestionAsker } from './question-asker.ts';
import { QuestionDeliverer } from './question-deliverer.ts';
import type { ReplicaCore } from './replica-core.ts';
import { requestContext } from './request-context.ts';
import type { MessageOrigin, RpcMessage, TaskSnapshot } from './sdk-shapes.ts';
import { TaskCalls } from './task-calls.ts';

/** One server object as a replica: its task message queue, and what its transport and task store pass through. */
export class ServerLink {
  readonly requests = new OpenRequests();
  readonly asker: QuestionAsker;
  readonly deliverer: QuestionDeliverer;
  readonly store: LinkedStore;
  readonly calls: TaskCalls;
  readonly core: ReplicaCore;
  readonly #connection = new ClientConnection();

  constructor(core: ReplicaCore) {
    this.core = core;
    this.calls = new TaskCalls(core, this.#connection.token);
    this.store = new LinkedStore(() => this.#connection.transport?.sessionId);
    this.asker = new QuestionAsker(core, this.#connection, this.calls, this.store);
    this.deliverer = new QuestionDeliverer(core, this.#connection, this.calls, this.store);
  }

  /** @throws TaskQueueError `INVALID_ARGUMENT` while the server object has another transport */
  connect(transport: ConnectedTransport): void {
    this.#connection.open(transport);
  }

  /** The transport has closed. */
  disconnect(): void {
    this.#connection.close();
    this.requests.endAll(closedError());
    this.deliverer.close(closedError());
    this.asker.close();
  }

  /**
   * Passes an answer on to who asked.
   * @throws TaskQueueError when this client was not asked, or has answered before
   */
  answer(id: string, message: RpcMessage, origin: MessageOrigin): void {
    const address = this.#addressIn(id, origin);
    if (!this.core.noteAnswer(address)) {
      throw new TaskQueueError(ErrorCode.accessRefused, 'The question was already answered');
    }
    this.core.delivered.delete(address);
    this.core.replies.send(address, 'answer', message);
  }

  /** Passes progress on to who asked. @throws TaskQueueError when this client was not asked */
  progress(token: string, message: RpcMessage, origin: MessageOrigin): void {
    this.core.replies.send(this.#addressIn(token, origin), 'progress', message);
  }

  #addressIn(id: string, origin: MessageOrigin): QuestionAddress {
    const address = this.core.seals.open(
      id,
      this.core.recipient(origin, this.#connection.transport?.session),
    );
    if (address !== undefined) return address;
    throw new TaskQueueError(
      ErrorCode.accessRefused,
      'It does not answer a question delivered to this client',
    );
  }

  /** Returns nothing, as the SDK would only look for those who asked, and they are notified already. */
  async dequeueAll(taskId: string): Promise<QueuedMessage[]> {
    await this.calls.clear(taskId);
    return [];
  }

  /** Creates a task on behalf of the client whose request is handled: the task is that user's. */
  async createTask(create: () => Promise<unknown>): Promise<unknown> {
    const context = requestContext.getStore();
    // First, as it may fail.
    const principal = context && this.core.principal(context.origin);
    const task = await create();
    this.core.owners.noteCreator((task as TaskSnapshot).taskId, principal);
    return task;
  }
}
