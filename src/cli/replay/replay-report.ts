import type { ReplayChange } from '../../index.ts';
import type { Context } from '../context.ts';
import { inFlags } from '../hints.ts';
import { formatCount } from '../text/sizes.ts';

/** Counts the changes of the replay policy, to report them once. */
export class ReplayReport {
  readonly #counts = new Map<ReplayChange, number>();

  add(changes: readonly ReplayChange[]): void {
    for (const change of changes) this.#counts.set(change, (this.#counts.get(change) ?? 0) + 1);
  }

  /** A line for each kind of change. */
  async print({ note }: Pick<Context, 'note'>): Promise<void> {
    if (this.#counts.size === 0) return;
    const { REPLAY_RULES } = await import('../../cli-support.ts');
    for (const { change, property, action, reason } of REPLAY_RULES) {
      const count = this.#counts.get(change);
      if (count === undefined) continue;
      note(`${formatCount(count, 'message')}: ${property} ${inFlags(action)}: ${reason}.`);
    }
  }
}
