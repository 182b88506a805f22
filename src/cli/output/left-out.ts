import type { LeftOutQueues } from '../../index.ts';
import type { Context } from '../context.ts';
import { formatCount } from './sizes.ts';

/*
 * What a list of queues does not have in it, on stderr: nothing is left out in silence.
 */

const WHY = 'they are some seconds old, or in use just now, or its statistics are switched off';

export function noteLeftOut({ note }: Pick<Context, 'note'>, { unknown, otherTypes }: LeftOutQueues): void {
  if (unknown > 0)
    note(`${formatCount(unknown, 'queue')} left out: RabbitMQ has no idle time for them yet (${WHY}).`);
  if (otherTypes > 0) {
    note(
      `${formatCount(otherTypes, 'queue')} left out: quorum queues and streams, which RabbitMQ cannot delete only if empty.`,
    );
  }
}

/** @param what is not known of them */
export function noteUnknown(
  { note }: Pick<Context, 'note'>,
  count: number,
  what: 'idle time' | 'depth',
): void {
  if (count === 0) return;
  const why = what === 'depth' ? 'they are streams, or some seconds old, or statistics are off' : WHY;
  note(`${formatCount(count, 'queue')} left out: RabbitMQ has no ${what} for them yet (${why}).`);
}

export function noteOtherVhosts({ note }: Pick<Context, 'note'>, count: number): void {
  note(
    `${formatCount(count, 'queue')} of other vhosts left out: a proxy before the management API changes what is asked for (%2F in paths).`,
  );
}
