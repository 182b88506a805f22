import type { DrainEnd } from '../../index.ts';
import { CommandFailure } from '../command-failure.ts';
import type { Context } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { formatCount, formatNumber } from '../text/sizes.ts';

/** What was to be removed from a task. */
export interface WantedMessages {
  /** Messages counted when the command started; `undefined` if they were not counted then. */
  present?: number | undefined;
  /** Remove at most this many. */
  limit?: number | undefined;
  /** Some of those that are read stay, and do not count towards the limit. */
  isSelection: boolean;
}

/** Counts the messages that were there when a command started, and that it did not get. */
export class MissedMessages {
  readonly #wanted: WantedMessages;
  #of = 0;
  #missed = 0;
  #isDeleted = false;
  #present: number | undefined;

  constructor(wanted: WantedMessages) {
    this.#wanted = wanted;
    this.#present = wanted.present;
  }

  /** For `onEnd` of each drain of the task. */
  readonly add = ({ counted, read, isDeleted }: DrainEnd): void => {
    const { limit, isSelection } = this.#wanted;
    const present = this.#present ?? counted;
    // What was there at the start is only wanted once.
    this.#present = undefined;
    const expected = isSelection ? present : Math.min(present, limit ?? present);
    if (expected <= read) return;
    this.#of += expected;
    this.#missed += expected - read;
    this.#isDeleted ||= isDeleted;
  };

  /**
   * Reports what was missed. If others took it, that is a note.
   * @param removed how many messages were removed, or refused
   * @returns the failure if they were deleted with their queue: partly done (3), or no such queue (5) if none was removed
   */
  report({ note }: Pick<Context, 'note'>, taskId: string, removed: number): CommandFailure | undefined {
    const { limit, isSelection } = this.#wanted;
    // A selection ends at its limit before it has read everything.
    if (this.#missed === 0 || (isSelection && limit !== undefined && removed >= limit)) return undefined;
    const message = `${this.#describe(JSON.stringify(taskId))} there any more`;
    if (this.#isDeleted) {
      const status = removed === 0 ? ExitCode.noSuchQueue : ExitCode.partly;
      return new CommandFailure(status, `${message}: the queue was deleted`);
    }
    note(
      `${message}: taken by another reader, expired, dropped by a limit, purged, or deleted with a queue that was declared again.`,
    );
    return undefined;
  }

  #describe(task: string): string {
    const which = `${formatCount(this.#of, 'message')} of task ${task} counted at the start`;
    if (this.#of === 1) return `The ${which} was not`;
    if (this.#missed === this.#of) return `None of the ${which} was`;
    return `${formatNumber(this.#missed)} of the ${which} ${this.#missed === 1 ? 'was' : 'were'} not`;
  }
}
