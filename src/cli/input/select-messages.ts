import { Option } from '@commander-js/extra-typings';
import type { StoredMessage } from '../../index.ts';
import { summarize } from '../text/message-summary.ts';
import type { MessageFilter } from './filters.ts';

export interface SelectionOptions {
  filter?: string;
  /** Only messages queued longer ago than this, in milliseconds. */
  olderThan?: number;
  /** Only messages queued at this time or later, in milliseconds since the epoch. */
  since?: number;
}

/** `--filter`. @param description what it does with messages that match, or do not */
export function filterFlag(description: string) {
  return new Option('--filter <expression>', `${description} (help filters)`);
}

/**
 * The selection of `--filter`, `--older-than` and `--since`, if any. Loads the expression language only if needed.
 * The tally counts messages that could not be decided on.
 */
export async function selectionOf({
  filter,
  olderThan,
  since,
}: SelectionOptions): Promise<MessageFilter | undefined> {
  const matches = filter === undefined ? undefined : (await import('./filters.ts')).parseFilter(filter);
  if (olderThan === undefined && since === undefined) return matches;
  const { FilterTally } = await import('./filter-tally.ts');
  const tally = matches?.tally ?? new FilterTally();
  const before = olderThan === undefined ? Number.POSITIVE_INFINITY : Date.now() - olderThan;
  const from = since ?? Number.NEGATIVE_INFINITY;
  const select = (message: StoredMessage) => {
    const { queuedAt } = summarize(message);
    const isWithin = queuedAt !== undefined && queuedAt < before && queuedAt >= from;
    if (isWithin && matches) return matches(message);
    tally.looked++;
    if (queuedAt === undefined) tally.undated++;
    if (isWithin) tally.matched++;
    return isWithin;
  };
  return Object.assign(select, { tally });
}
