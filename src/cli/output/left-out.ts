import type { LeftOutQueues } from '../../index.ts';
import type { Context } from '../context.ts';
import { formatCount } from '../text/sizes.ts';

/*
 * Reports on stderr what a list of queues leaves out: nothing is left out silently.
 */

/** @param orUnused another reason, after "too new" and "in use" */
const whyUnknown = (count: number, orUnused = '') =>
  `${count === 1 ? 'it is' : 'they are'} too new${orUnused === '' ? ' or in use' : `, in use${orUnused}`}, or statistics are switched off`;

export function noteLeftOut(
  { note }: Pick<Context, 'note'>,
  { unknown, beyondHistory, otherTypes }: LeftOutQueues,
): void {
  if (unknown > 0) {
    const why = whyUnknown(unknown, ', or unused since the broker started');
    note(
      `${formatCount(unknown, 'queue')} left out: RabbitMQ has no idle time for ${unknown === 1 ? 'it' : 'them'} (${why}).`,
    );
  }
  if (beyondHistory > 0) {
    note(
      `${formatCount(beyondHistory, 'queue')} left out, idle for an hour or longer: the broker does not know how much longer. Use --idle 1h.`,
    );
  }
  if (otherTypes > 0) {
    note(
      `${formatCount(otherTypes, 'queue')} left out: quorum queues and streams, which RabbitMQ cannot delete conditionally.`,
    );
  }
}

/** @param what the unknown value */
export function noteUnknown(
  { note }: Pick<Context, 'note'>,
  count: number,
  what: 'idle time' | 'depth' | 'age of its messages',
): void {
  if (count === 0) return;
  if (what === 'age of its messages') {
    const whose = count === 1 ? 'its oldest message is' : 'their oldest messages are';
    note(`${formatCount(count, 'queue')} left out: how old ${whose} is not known.`);
    return;
  }
  const [they, stream] = count === 1 ? ['it is', 'a stream'] : ['they are', 'streams'];
  const why = what === 'depth' ? `${they} ${stream}, or too new` : whyUnknown(count);
  note(
    `${formatCount(count, 'queue')} left out: RabbitMQ has no ${what} for ${count === 1 ? 'it' : 'them'} (${why}).`,
  );
}

/** Queues that have the prefix, though their names are those of no task. */
export function noteUnusable({ note }: Pick<Context, 'note'>, count: number): void {
  if (count === 0) return;
  const names = count === 1 ? 'its name' : 'their names';
  note(`${formatCount(count, 'queue')} left out: no task id has control characters, as in ${names}.`);
}
