import { MAX_PEEK } from '../../cli-shared.ts';
import type { ClientContext } from '../context.ts';
import type { MessageFilter } from '../input/filters.ts';
import { openOutputFile } from '../output/output-file.ts';
import { depthOrFail, emptyFailure } from '../queues/missing-queue.ts';
import { describeTarget } from '../settings/target.ts';
import { formatCount } from '../text/sizes.ts';
import { lookAtMessages } from './look-at-messages.ts';
import { requirePlainQueue } from './plain-queue.ts';

export interface DryRunOptions {
  /** Undefined: all messages. */
  limit: number | undefined;
  /** Skips the oldest messages. */
  skip?: number;
  select: MessageFilter | undefined;
  /** What would be done: `removed`, `moved`. */
  verb: string;
}

/** `--dry-run`: prints the messages that would be taken, as far as they can be looked at. */
export async function dryRun(
  context: ClientContext,
  taskId: string,
  { limit, skip = 0, select, verb }: DryRunOptions,
): Promise<void> {
  const { note, stop } = context;
  const depth = await stop.race(depthOrFail(context, taskId));
  await requirePlainQueue(context, taskId, { mayForce: false });
  const most = limit ?? Number.POSITIVE_INFINITY;
  const present = Math.max(0, depth.messages - skip);
  const window = Math.min(select ? MAX_PEEK : most, present, MAX_PEEK - skip);
  const writer = await openOutputFile(context, {}, { inFull: limit === 1 });
  const looking = lookAtMessages(context, taskId, { window, skip, select, most }, writer.write);
  const looked = await stop.race(looking);
  select?.tally.report(context);
  if (writer.count() === 0 && limit !== undefined) {
    // The message does not repeat the filter.
    const filter = select && looked > 0 ? '' : undefined;
    throw emptyFailure(taskId, filter, { count: looked, of: depth.messages, skip });
  }
  await writer.end();
  const unseen = present - looked;
  const isBeyond = unseen > 0 && most > writer.count();
  const found = formatCount(writer.count(), 'message');
  const what = isBeyond && writer.count() > 0 ? `At least ${found}` : found;
  const rest = isBeyond
    ? ` (the ${formatCount(unseen, 'message')} after the first ${formatCount(skip + looked, 'message')} ${unseen === 1 ? 'was' : 'were'} not looked at)`
    : '';
  note(
    `${what} of task ${taskId} on ${describeTarget(context)} would be ${verb}${rest}; nothing was ${verb}.`,
  );
}
