import { taskName } from '../errors/task-name.ts';
import type { TaskQueueError } from '../errors/task-queue-error.ts';
import { encodeQueuedMessage } from '../messages/codec.ts';
import type { QueueableMessage } from '../messages/queued-message.ts';
import type { CallKind } from '../sdk/call-order.ts';
import { clientFacingError } from '../sdk/client-facing-error.ts';
import type { ReplicaCore } from './replica-core.ts';
import { clearQueue } from './task-clearing.ts';

/** The calls of one server object, in the order in which they were made. */
export class TaskCalls {
  readonly #core: ReplicaCore;
  readonly #token: string;

  /** @param token keeps the order of this object's calls apart from that of others */
  constructor(core: ReplicaCore, token: string) {
    this.#core = core;
    this.#token = token;
  }

  /**
   * @param what for error messages: what is being done and on what
   * @param bytes of the message that the call keeps in memory
   */
  inOrder<T>(
    taskId: string,
    kind: CallKind,
    what: string,
    work: () => Promise<T>,
    bytes?: number,
  ): Promise<T> {
    return this.#core.order.run(`${this.#token} ${taskId}`, kind, what, work, bytes);
  }

  /** Resolves when the calls that were made before have ended, in whatever way. */
  async settled(taskId: string): Promise<void> {
    await this.inOrder(taskId, 'look', '', async () => {}).catch(() => {});
  }

  /**
   * Resolves when it is confirmed. A message that is to be answered waits until answers can be received.
   * @param maxSize rejects when the queue has this many messages
   */
  async publish(taskId: string, queued: QueueableMessage, maxSize?: number): Promise<void> {
    // Encode now, as the caller may change it later.
    const body = encodeQueuedMessage(queued);
    const { client, order, replies } = this.#core;
    const isQuestion = queued.type === 'request';
    const kind = isQuestion && !replies.isOpen ? 'ask' : 'enqueue';
    const properties = this.#core.properties(taskId, isQuestion);
    const what = `Cannot enqueue to ${taskName(taskId)}`;
    try {
      const publish = async () => {
        if (isQuestion && !replies.isOpen)
          await order.countWaiting(kind, what, body.length, () => replies.open());
        await client.publish(taskId, { body, properties }, { maxSize });
      };
      await this.inOrder(taskId, kind, what, publish, body.length);
    } catch (error) {
      throw clientFacingError(error, what);
    }
    client.waiter.notify(taskId);
  }

  /**
   * Removes everything queued for a task, and the queue. Everyone who asked, here or elsewhere, is notified that the
   * task is over. Never rejects: the SDK drops the promise, and a rejection would end the process.
   */
  async clear(taskId: string): Promise<void> {
    const core = this.#core;
    const clear = () => core.clearings.run(taskId, () => clearQueue(core, taskId));
    try {
      // As looks, since clearings of one server object need not wait for each other.
      await this.inOrder(taskId, 'look', `Cannot clear ${taskName(taskId)}`, clear);
    } catch (error) {
      core.options.warn(error as TaskQueueError);
    } finally {
      core.endQuestions(taskId);
    }
  }
}
