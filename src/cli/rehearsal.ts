import type { ClientContext } from './context.ts';
import type { MessageFilter } from './input/filters.ts';
import { depthOrFail, emptyFailure } from './missing-queue.ts';
import { openOutputFile } from './output/output-file.ts';
import { requirePlainQueue } from './plain-queue.ts';
import { formatCount } from './sizes.ts';
import { describeTarget } from './target.ts';

export interface RehearsalOptions {
  /** Undefined: all of them. */
  limit: number | undefined;
  select: MessageFilter | undefined;
  /** What would be done to them: `removed`, `moved`. */
  verb: string;
}

/** `--dry-run`: prints the messages that would be taken, as far as one can look without taking. */
export async function rehearse(
  context: ClientContext,
  taskId: string,
  { limit, select, verb }: RehearsalOptions,
): Promise<void> {
  const { client, note, stop } = context;
  const { MAX_PEEK } = await import('../index.ts');
  const depth = await stop.race(depthOrFail(client, taskId));
  await requirePlainQueue(context, taskId);
  const window = select ? MAX_PEEK : Math.min(limit ?? depth.messages, MAX_PEEK);
  const looked = window === 0 ? [] : await stop.race(client.peek(taskId, { limit: window }));
  const messages = (select ? looked.filter(select) : looked).slice(0, limit);
  select?.tally.report(context);
  if (messages.length === 0 && limit !== undefined) {
    // The filter itself is not repeated.
    const filter = select && looked.length > 0 ? '' : undefined;
    throw emptyFailure(taskId, filter, { count: looked.length, of: depth.messages });
  }
  const writer = await openOutputFile(context, {}, { inFull: limit === 1 });
  if (messages.length > 0) await writer.write(messages);
  await writer.end();
  const unseen = depth.messages - looked.length;
  const beyond = unseen > 0 && (limit ?? Number.POSITIVE_INFINITY) > messages.length;
  note(
    `${beyond ? 'At least ' : ''}${formatCount(messages.length, 'message')} of task ${taskId} on ` +
      `${describeTarget(context)} would be ${verb}` +
      `${beyond ? ` (the ${formatCount(unseen, 'message')} after the first ${formatCount(looked.length, 'message')} were not looked at)` : ''}; nothing was.`,
  );
}
