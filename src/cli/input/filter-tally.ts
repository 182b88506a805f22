import type { Context } from '../context.ts';
import { formatCount, formatNumber } from '../text/sizes.ts';
import { UsageFailure } from '../usage-failure.ts';

/** At most this many names and reasons are listed; most expressions have fewer. */
const MAX_LISTED = 3;

/** An expression needs the age of a message that does not say when it was queued. */
export class UndatedError extends Error {}

/** The filter cannot be evaluated on any message that was looked at. */
export class FilterFailure extends UsageFailure {}

/** Counts the messages a filter has looked at, and those it could not decide on. */
export class FilterTally {
  looked = 0;
  /** Also in earlier looks. */
  matched = 0;
  /** Messages without a time of queueing, if the selection needs one. */
  undated = 0;
  /** Messages without a field that the expression needs. */
  #missing = 0;
  readonly #fields = new Set<string>();
  /** Messages on which it failed for another reason. */
  #failed = 0;
  readonly #reasons = new Set<string>();

  /** Before another look, which meets those again that did not match. */
  startAgain(): void {
    this.looked = 0;
    this.undated = 0;
    this.#missing = 0;
    this.#failed = 0;
  }

  /** Counts a message on which the expression could not be evaluated. */
  addFailure(error: unknown): void {
    if (error instanceof UndatedError) {
      this.undated++;
      return;
    }
    const { code, message, summary = message } = error as Error & { code?: string; summary?: string };
    const [, field] = (code === 'no_such_key' && /^No such key: (.*)$/s.exec(summary)) || [];
    if (field !== undefined) {
      this.#missing++;
      if (this.#fields.size < MAX_LISTED) this.#fields.add(field);
    } else {
      this.#failed++;
      if (this.#reasons.size < MAX_LISTED) this.#reasons.add(summary);
    }
  }

  /**
   * Reports on how many messages the expression could not be evaluated.
   * @throws FilterFailure if it failed on every message, for another reason than a missing field
   */
  report({ note }: Pick<Context, 'note'>): void {
    const isOne = this.looked === 1;
    const of = `of the ${formatCount(this.looked, 'message')} looked at`;
    if (this.#failed > 0 && this.#failed === this.looked && this.matched === 0) {
      const which = isOne ? 'the message looked at' : `any ${of}`;
      throw new FilterFailure(`The filter cannot be evaluated on ${which}: ${[...this.#reasons].join('; ')}`);
    }
    if (this.#missing > 0) {
      const fields = [...this.#fields].map((field) => JSON.stringify(field)).join(', ');
      const which =
        this.#missing === this.looked
          ? `None ${of} has`
          : `${formatNumber(this.#missing)} ${of} did not have`;
      note(
        `${isOne ? 'The message looked at does not have' : which} a field that the filter needs (${fields}).`,
      );
    }
    if (this.undated > 0) {
      const which = isOne ? 'The message looked at' : `${formatNumber(this.undated)} ${of}`;
      note(
        this.undated === 1
          ? `${which} does not say when it was queued, and does not match.`
          : `${which} do not say when they were queued, and do not match.`,
      );
    }
    if (this.#failed > 0) {
      const which = isOne ? 'the message looked at' : `${formatNumber(this.#failed)} ${of}`;
      note(`The filter could not be evaluated on ${which}: ${[...this.#reasons].join('; ')}`);
    }
  }
}
