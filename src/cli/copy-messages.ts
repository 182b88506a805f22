import type { StoredMessage } from '../index.ts';
import type { ClientContext } from './context.ts';
import { formatCount } from './sizes.ts';

/** What has been copied so far. */
export interface CopyTally {
  /** In the order of their source, without a gap. */
  copied: number;
  /** After a message that could not be copied. */
  behind: number;
  /** How many messages had which property left out or renamed. */
  changes: Map<string, number>;
}

/**
 * Publishes a batch to a task and waits until the outcome of every message is known.
 * @throws why the first one that is not there is not
 */
export async function copyBatch(
  client: ClientContext['client'],
  to: string,
  batch: readonly StoredMessage[],
  { keepExpiration, tally }: { keepExpiration: boolean; tally: CopyTally },
): Promise<void> {
  const outcomes = await Promise.allSettled(
    batch.map((message) => client.publish(to, message, { keepExpiration })),
  );
  let failure: PromiseRejectedResult | undefined;
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') {
      failure ??= outcome;
      continue;
    }
    if (failure === undefined) tally.copied++;
    else tally.behind++;
    for (const change of outcome.value.changes) {
      tally.changes.set(change, (tally.changes.get(change) ?? 0) + 1);
    }
  }
  if (failure !== undefined) throw failure.reason;
}

const CHANGES: Readonly<Record<string, string>> = {
  cc: 'header CC renamed to x-mcp-taskq-cc',
  bcc: 'header BCC renamed to x-mcp-taskq-bcc',
  user_id: 'user_id of another user left out',
  expiration: 'expiration left out (--keep-expiration keeps it)',
  counters: "the broker's delivery counters left out",
};

/** A line for each property that was not copied as it is. */
export function describeChanges({ changes }: CopyTally): string[] {
  return [...changes].map(
    ([change, count]) => `${formatCount(count, 'message')}: ${CHANGES[change] ?? change}`,
  );
}
