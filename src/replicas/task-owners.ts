import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';
import { setNewest } from '../forget-oldest.ts';
import type { StoredMessage } from '../messages/stored-message.ts';
import { plainProperties } from '../properties/plain-properties.ts';
import type { Seals } from './question-address.ts';

/** The header of a queued message that says, sealed, who created its task. */
const OWNER_HEADER = 'x-mcp-owner';

/** A task of which nothing was heard for as many others is delivered as if its user was unknown. */
const MAX_TASKS = 50_000;

/** Who created which task, as far as this process has seen it: its messages are for nobody else. */
export class TaskOwners {
  readonly #seals: Seals;
  readonly #sealed = new Map<string, string>();

  constructor(seals: Seals) {
    this.#seals = seals;
  }

  /** A task was created here. @param principal absent if users are not known */
  noteCreator(taskId: string, principal: string | undefined): void {
    if (principal !== undefined) this.#note(taskId, this.#seals.sealOwner(principal));
  }

  /** A message of the task came from its queue, perhaps from another process. */
  noteMessage(taskId: string, { properties }: StoredMessage): void {
    const { headers } = plainProperties(properties);
    const sealed = (headers as { [name: string]: unknown } | undefined)?.[OWNER_HEADER];
    // What is known stays: anybody who may write to the queue can write any header.
    if (typeof sealed === 'string') this.#note(taskId, this.#sealed.get(taskId) ?? sealed);
  }

  /** For the messages of the task. */
  headers(taskId: string): { [name: string]: string } | undefined {
    const sealed = this.#sealed.get(taskId);
    if (sealed === undefined) return undefined;
    this.#note(taskId, sealed);
    return { [OWNER_HEADER]: sealed };
  }

  /** @throws TaskQueueError `INVALID_ARGUMENT`, as for a task that there is not, if somebody else created it */
  check(taskId: string, principal: string | undefined): void {
    const sealed = this.#sealed.get(taskId);
    if (sealed === undefined || this.#seals.isOwner(sealed, principal)) return;
    throw new TaskQueueError(
      ErrorCode.invalidArgument,
      `Task ${JSON.stringify(taskId)} belongs to another user`,
    );
  }

  #note(taskId: string, sealed: string): void {
    setNewest(this.#sealed, taskId, sealed, MAX_TASKS);
  }
}
