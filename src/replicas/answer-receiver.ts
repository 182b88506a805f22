import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';
import type { ClientConnection } from './client-connection.ts';
import type { QuestionAddress } from './question-address.ts';
import type { ReplicaCore } from './replica-core.ts';
import type { MessageOrigin, RpcMessage } from './sdk-shapes.ts';

/** Takes what a client says about questions, if they were put to this very client, and passes it on to who asked. */
export class AnswerReceiver {
  readonly #core: ReplicaCore;
  readonly #connection: ClientConnection;

  constructor(core: ReplicaCore, connection: ClientConnection) {
    this.#core = core;
    this.#connection = connection;
  }

  /** @throws TaskQueueError when the client was not asked, or has answered before */
  answer(id: string, message: RpcMessage, origin: MessageOrigin): void {
    const address = this.#unseal(id, origin);
    if (!this.#core.noteAnswer(address)) {
      throw new TaskQueueError(ErrorCode.accessRefused, 'The question was already answered');
    }
    this.#core.delivered.delete(address);
    this.#core.replies.send(address, 'answer', message);
  }

  /** @throws TaskQueueError when the client was not asked */
  progress(token: string, message: RpcMessage, origin: MessageOrigin): void {
    this.#core.replies.send(this.#unseal(token, origin), 'progress', message);
  }

  #unseal(id: string, origin: MessageOrigin): QuestionAddress {
    const address = this.#core.unseal(id, this.#core.recipient(origin, this.#connection.session));
    if (address !== undefined) return address;
    throw new TaskQueueError(
      ErrorCode.accessRefused,
      'It does not answer a question delivered to this client',
    );
  }
}
