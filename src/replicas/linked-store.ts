import type { TaskSnapshot, TaskStoreLike } from './sdk-shapes.ts';

/** The application's task store, as one server object has it: it says which tasks are cancelled. */
export class LinkedStore {
  readonly #sessionId: () => string | undefined;
  #store: TaskStoreLike | undefined;
  #look: TaskStoreLike['getTask'] | undefined;

  /** @param sessionId the SDK's, of the server object's client */
  constructor(sessionId: () => string | undefined) {
    this.#sessionId = sessionId;
  }

  /** @param look looks at a task on behalf of the `tasks/result` that is handled, and notes its state */
  link(store: TaskStoreLike, look: TaskStoreLike['getTask']): void {
    this.#store = store;
    this.#look = look;
  }

  /** False as well if the store does not know the task, or was not wrapped. */
  async isCancelled(taskId: string): Promise<boolean> {
    const task = (await this.#store?.getTask(taskId, this.#sessionId())) as TaskSnapshot | null | undefined;
    return task?.status === 'cancelled';
  }

  /** Whether there is no such task for the client whose `tasks/result` is handled; false as well if the store was not wrapped. */
  async isMissing(taskId: string): Promise<boolean> {
    return this.#look !== undefined && !(await this.#look(taskId));
  }
}
