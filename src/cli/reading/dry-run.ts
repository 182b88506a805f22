import { MAX_PEEK } from '../../cli-shared.ts';
import type { StoredMessage } from '../../index.ts';
import type { ClientContext } from '../context.ts';
import type { MessageFilter } from '../input/filters.ts';
import { openOutputFile } from '../output/output-file.ts';
import { depthBeforeReading, emptyFailure } from '../queues/missing-queue.ts';
import { describeTarget } from '../settings/target.ts';
import { formatCount } from '../text/sizes.ts';
import { lookAtMessages } from './look-at-messages.ts';
import { harmOfLook } from './plain-queue.ts';

export interface DryRunOptions {
  /** Undefined: all messages. */
  limit: number | undefined;
  /** Skips the oldest messages. */
  skip?: number;
  select: MessageFilter | undefined;
  /** What would be done: `removed`, `moved`. */
  verb: string;
  force: true | undefined;
  /** The command itself looks at messages, also without a filter. */
  isLook?: boolean;
  /** Receives the messages that would be taken. Its failure is that of the dry run, in the end. */
  check?: (messages: StoredMessage[]) => unknown;
}

/**
 * `--dry-run`: prints the messages that would be taken, and fails where taking them would. Where only a look could have side
 * effects, they are counted.
 */
export async function dryRun(
  context: ClientContext,
  taskId: string,
  { limit, skip = 0, select, verb, force, isLook = false, check = () => undefined }: DryRunOptions,
): Promise<void> {
  const { note, stop } = context;
  const depth = await stop.race(depthBeforeReading(context, taskId));
  const most = limit ?? Number.POSITIVE_INFINITY;
  const present = Math.max(0, depth.messages - skip);
  const where = `of task ${taskId} on ${describeTarget(context)}`;
  const options = { force, isEmpty: present === 0, mayBeUnknown: select !== undefined && !isLook };
  const harm = await stop.race(harmOfLook(context, taskId, options));
  if (harm !== undefined && (isLook || select)) throw harm;
  const writer = await openOutputFile(context, {}, { inFull: limit === 1 });
  if (harm !== undefined) {
    await writer.end();
    const count = formatCount(Math.min(most, present), 'message');
    note(`${count} ${where} would be ${verb}; nothing was ${verb}, or looked at. ${harm.message}.`);
    return;
  }
  const window = Math.min(select ? MAX_PEEK : most, present, MAX_PEEK - skip);
  let failure: unknown;
  const show = async (messages: StoredMessage[]) => {
    failure ??= check(messages);
    await writer.write(messages);
  };
  const looked = await stop.race(lookAtMessages(context, taskId, { window, skip, select, most }, show));
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
  if (failure !== undefined) throw failure;
  note(`${what} ${where} would be ${verb}${rest}; nothing was ${verb}.`);
}
