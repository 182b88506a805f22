import type { Context } from '../context.ts';
import { formatCount } from '../output/sizes.ts';

/** Fewer messages are requeued too quickly for other readers to notice. */
const LEAST = 1_000;

/**
 * Announces, before a filter runs, what it withholds from other readers: RabbitMQ cannot skip a message without
 * holding it.
 * @param present number of messages in the queue
 */
export function noteWithheld({ note }: Pick<Context, 'note'>, present: number): void {
  if (present < LEAST) return;
  note(
    `The filter looks at ${formatCount(present, 'message')}; those that do not match are withheld from other readers until it is done.`,
  );
}
