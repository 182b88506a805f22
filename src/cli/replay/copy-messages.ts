import type { StoredMessage } from '../../index.ts';
import type { ClientContext } from '../context.ts';
import type { ReplayReport } from './replay-report.ts';

/** What has been copied so far. */
export interface CopyTally {
  /** Copied in order, without a gap. */
  copied: number;
  /** Copied after a message that failed. */
  behind: number;
  /** Which properties were left out or renamed. */
  report: ReplayReport;
}

/**
 * Publishes a batch to a task and waits for the outcome of every message.
 * @throws the error of the first message that was not confirmed
 */
export async function copyBatch(
  client: ClientContext['client'],
  to: string,
  batch: readonly StoredMessage[],
  { tally, ...options }: { create: boolean; keepExpiration: boolean; tally: CopyTally },
): Promise<void> {
  const outcomes = await Promise.allSettled(batch.map((message) => client.publish(to, message, options)));
  let failure: PromiseRejectedResult | undefined;
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') {
      failure ??= outcome;
      continue;
    }
    if (failure === undefined) tally.copied++;
    else tally.behind++;
    tally.report.add(outcome.value.changes);
  }
  if (failure !== undefined) throw failure.reason;
}
