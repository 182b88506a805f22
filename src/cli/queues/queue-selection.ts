import type { TaskQueueInfo } from '../../index.ts';

export const SORT_KEYS = ['name', 'ready', 'unacked', 'consumers', 'oldest', 'idle'] as const;

export type SortKey = (typeof SORT_KEYS)[number];

export interface QueueSelection {
  /** Default: by name, the order of the list. */
  sort?: SortKey;
  reverse?: true;
  nonEmpty?: true;
  /** False: only tasks with messages but without consumers. */
  consumers?: boolean;
  /** Minimum number of ready messages. */
  min?: number;
  /** Minimum idle time, in milliseconds. */
  idle?: number;
  /** Only tasks whose oldest message was queued longer ago than this, in milliseconds. */
  olderThan?: number;
  limit?: number;
}

/** Looks up what the list does not contain: when the oldest messages of these queues were queued. */
type AgeLookup = (queues: readonly TaskQueueInfo[]) => Promise<void>;

/** Whether the selection or order of queues depends on the age of their messages. */
export function needsAges({ sort, olderThan }: QueueSelection): boolean {
  return sort === 'oldest' || olderThan !== undefined;
}

function isSelected(
  { ready = 0, unacked = 0, statistics }: TaskQueueInfo,
  { nonEmpty, min, idle, consumers = true, olderThan }: QueueSelection,
  now: number,
): boolean {
  if (nonEmpty && ready + unacked === 0) return false;
  if (min !== undefined && ready < min) return false;
  if (olderThan !== undefined && ready === 0) return false;
  if (!consumers && (ready + unacked === 0 || statistics?.consumers !== 0)) return false;
  if (idle === undefined) return true;
  return statistics?.idleSince !== undefined && now - statistics.idleSince >= idle;
}

function isOlder({ statistics }: TaskQueueInfo, { olderThan }: QueueSelection, now: number): boolean {
  if (olderThan === undefined) return true;
  return statistics?.oldestAt !== undefined && now - statistics.oldestAt > olderThan;
}

/** Names ascend, numbers and ages descend; `reverse` inverts both. Unknown values always come last. */
function comparison({ sort = 'name', reverse }: QueueSelection) {
  const sign = reverse ? -1 : 1;
  const byName = (a: TaskQueueInfo, b: TaskQueueInfo) =>
    a.taskId < b.taskId ? -1 : a.taskId > b.taskId ? 1 : 0;
  if (sort === 'name') return (a: TaskQueueInfo, b: TaskQueueInfo) => sign * byName(a, b);
  return (a: TaskQueueInfo, b: TaskQueueInfo) => {
    const [one, other] = [sortValue(a, sort), sortValue(b, sort)];
    if (one === other) return byName(a, b);
    if (one === undefined || other === undefined) return one === undefined ? 1 : -1;
    return sign * (other - one);
  };
}

function sortValue(
  { ready, unacked, statistics }: TaskQueueInfo,
  sort: Exclude<SortKey, 'name'>,
): number | undefined {
  const age = (since: number | undefined) => (since === undefined ? undefined : -since);
  switch (sort) {
    case 'ready':
      return ready;
    case 'unacked':
      return unacked;
    case 'consumers':
      return statistics?.consumers;
    case 'oldest':
      return ready === 0 ? undefined : age(statistics?.oldestAt);
    case 'idle':
      return age(statistics?.idleSince);
  }
}

/** Counts the queues that are left out for another reason than that they were not asked for. */
export class LeftOut {
  /** Only because this is unknown of them. */
  readonly unknown = { idle: 0, depth: 0, age: 0 };
  beyondLimit = 0;

  addUnknown(page: readonly TaskQueueInfo[], { idle, nonEmpty, min }: QueueSelection): void {
    for (const { ready, unacked, statistics } of page) {
      if (idle !== undefined && statistics?.idleSince === undefined) {
        // A queue with messages or consumers, and without an idle time, is in use.
        if (!ready && !unacked && !statistics?.consumers) this.unknown.idle++;
      } else if ((nonEmpty || min !== undefined) && ready === undefined) this.unknown.depth++;
    }
  }
}

export interface SelectOptions {
  /** Looks up ages; called for as few queues as possible. */
  lookUp?: AgeLookup | undefined;
  leftOut?: LeftOut;
  /**
   * Count the queues beyond the limit too. A list by name is then read to its end, unless the age of the others would
   * have to be looked up.
   */
  countsBeyondLimit?: boolean;
}

/**
 * Yields the selected queues of a list, page by page. Ordered by name, they are passed on as they arrive, and listing
 * ends at the limit. In any other order, the whole list is read first, while keeping about twice the limit at most.
 */
export async function* selectQueues(
  pages: AsyncIterable<TaskQueueInfo[]>,
  selection: QueueSelection,
  { lookUp, leftOut = new LeftOut(), countsBeyondLimit = false }: SelectOptions = {},
): AsyncGenerator<TaskQueueInfo[], void, undefined> {
  const { sort = 'name', reverse, limit = Number.POSITIVE_INFINITY } = selection;
  const isStreaming = sort === 'name' && !reverse;
  const compare = comparison(selection);
  const [lookBefore, lookAfter] = needsAges(selection) ? [lookUp, undefined] : [undefined, lookUp];
  let left = limit;
  const kept: TaskQueueInfo[] = [];
  const keepTheFirst = () => {
    kept.sort(compare);
    if (kept.length <= limit) return;
    if (countsBeyondLimit) leftOut.beyondLimit += kept.length - limit;
    kept.length = limit;
  };
  for await (const page of pages) {
    leftOut.addUnknown(page, selection);
    const now = Date.now();
    const candidates = page.filter((info) => isSelected(info, selection, now));
    await lookBefore?.(candidates);
    const selected = candidates.filter((info) => isOlder(info, selection, now));
    // Behind the limit nobody asks.
    if (selection.olderThan !== undefined && selected.length <= left)
      leftOut.unknown.age += candidates.filter(
        ({ ready, statistics }) => ready !== 0 && statistics?.oldestAt === undefined,
      ).length;
    if (isStreaming) {
      const shown = selected.slice(0, left);
      if (shown.length > 0) await lookAfter?.(shown);
      yield shown;
      left -= shown.length;
      if (countsBeyondLimit) leftOut.beyondLimit += selected.length - shown.length;
      if (left <= 0 && !(countsBeyondLimit && selection.olderThan === undefined)) return;
    } else {
      for (const info of selected) kept.push(info);
      // Not for every page, as sorting takes longer the more queues are kept.
      if (kept.length > 2 * limit) keepTheFirst();
    }
  }
  if (isStreaming) return;
  keepTheFirst();
  await lookAfter?.(kept);
  yield kept;
}
