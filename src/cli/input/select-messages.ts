import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { StoredMessage } from '../../index.ts';
import { summarize } from '../output/message-summary.ts';
import type { MessageFilter } from './filters.ts';

/** Which messages a command is about. */
export interface SelectionOptions {
  filter?: string;
  /** Queued longer ago than this, in milliseconds. */
  olderThan?: number;
}

export function filterOption(command: CommandUnknownOpts, description: string): void {
  command.option('--filter <expression>', `${description} (help filters)`);
}

/**
 * The selection of `--filter` and `--older-than`, if there is one; the expression language is only loaded for it. What it
 * could not decide about is in its tally.
 */
export async function selectionOf({
  filter,
  olderThan,
}: SelectionOptions): Promise<MessageFilter | undefined> {
  const matches = filter === undefined ? undefined : (await import('./filters.ts')).parseFilter(filter);
  if (olderThan === undefined) return matches;
  const { FilterTally } = await import('./filter-tally.ts');
  const tally = matches?.tally ?? new FilterTally();
  const latest = Date.now() - olderThan;
  const select = (message: StoredMessage) => {
    const { queuedAt } = summarize(message);
    if (queuedAt !== undefined && queuedAt < latest && matches) return matches(message);
    tally.looked++;
    if (queuedAt === undefined) tally.undated++;
    const isOld = queuedAt !== undefined && queuedAt < latest;
    if (isOld) tally.matched++;
    return isOld;
  };
  return Object.assign(select, { tally });
}
