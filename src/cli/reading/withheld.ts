import type { Context } from '../context.ts';
import { formatCount } from '../output/sizes.ts';

/** Fewer are given back before anybody misses them. */
const LEAST = 1_000;

/**
 * Says before a filter begins what it keeps from other readers meanwhile: RabbitMQ has no way to pass over a message
 * without holding it.
 * @param present how many messages there are
 */
export function noteWithheld({ note }: Pick<Context, 'note'>, present: number): void {
  if (present < LEAST) return;
  note(
    `The filter looks at ${formatCount(present, 'message')}; those that do not match are withheld from other readers until it is done.`,
  );
}
