import type { TaskSnapshot, TaskStoreLike } from './sdk-shapes.ts';

/** The application's task store, as one server object has it: it says which tasks are cancelled. */
export class LinkedStore {
  readonly #sessionId: () => string | undefined;
  #store: TaskStoreLike | undefined;

  /** @param sessionId the SDK's, of the server object's client */
  constructor(sessionId: () => string | undefined) {
    this.#sessionId = sessionId;
  }

  link(store: TaskStoreLike): void {
    this.#store = store;
  }

  /** False as well if the store does not know the task, or was not wrapped. */
  async isCancelled(taskId: string): Promise<boolean> {
    const task = (await this.#store?.getTask(taskId, this.#sessionId())) as TaskSnapshot | null | undefined;
    return task?.status === 'cancelled';
  }
}
