import { formatCount, formatNumber } from '../text/sizes.ts';

/** Enough to see the problem. */
const MAX_NAMED = 5;

/** Messages that were not published, and why. */
export class RefusedMessages {
  readonly #named: string[] = [];
  count = 0;
  firstError: unknown;

  /** @param name identifies the message to people */
  add(name: string, error: unknown): void {
    this.count++;
    this.firstError ??= error;
    if (this.#named.length < MAX_NAMED) {
      // The caller reports the operation once.
      const reason = (error as Error).message.replace(/^Cannot enqueue to task ".*?": /, '');
      this.#named.push(`${name}: ${reason}`);
    }
  }

  /** `2 messages were refused`, with a line for each of the first ones. */
  describe(): string {
    const more = this.count - this.#named.length;
    const lines = more > 0 ? [...this.#named, `and ${formatNumber(more)} more`] : this.#named;
    const were = this.count === 1 ? 'was' : 'were';
    return `${formatCount(this.count, 'message')} ${were} refused\n  ${lines.join('\n  ')}`;
  }
}
