import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { StoredMessage } from '../../index.ts';
import { summarize } from '../output/message-summary.ts';
import type { MessageFilter } from './filters.ts';

/** Which messages a command is about. */
export interface SelectionOptions {
  filter?: string;
  /** Queued longer ago than this, in milliseconds. */
  olderThan?: number;
  /** Queued at this time or later, in milliseconds since the epoch. */
  since?: number;
}

export function filterOption(command: CommandUnknownOpts, description: string): void {
  command.option('--filter <expression>', `${description} (help filters)`);
}

/**
 * The selection of `--filter`, `--older-than` and `--since`, if there is one; the expression language is only loaded for it. What it
 * could not decide about is in its tally.
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
