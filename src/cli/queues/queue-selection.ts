import type { TaskQueueInfo } from '../../index.ts';

export const SORT_KEYS = ['name', 'ready', 'unacked', 'consumers'] as const;

type SortKey = (typeof SORT_KEYS)[number];

export interface QueueSelection {
  /** Default: by name, in the order in which they come. */
  sort?: SortKey;
  reverse?: true;
  nonEmpty?: true;
  /** At least so many messages ready. */
  min?: number;
  /** Nothing done with it for so long, in milliseconds. */
  idle?: number;
  limit?: number;
}

function isSelected(
  { ready = 0, unacked = 0, statistics }: TaskQueueInfo,
  { nonEmpty, min, idle }: QueueSelection,
  now: number,
): boolean {
  if (nonEmpty && ready + unacked === 0) return false;
  if (min !== undefined && ready < min) return false;
  if (idle === undefined) return true;
  return statistics?.idleSince !== undefined && now - statistics.idleSince >= idle;
}

/** Names ascend, numbers descend: what is most comes first. `--reverse` turns either round. */
function comparison({ sort = 'name', reverse }: QueueSelection) {
  const sign = reverse ? -1 : 1;
  const byName = (a: TaskQueueInfo, b: TaskQueueInfo) =>
    a.taskId < b.taskId ? -1 : a.taskId > b.taskId ? 1 : 0;
  if (sort === 'name') return (a: TaskQueueInfo, b: TaskQueueInfo) => sign * byName(a, b);
  const value = (info: TaskQueueInfo) =>
    sort === 'consumers' ? (info.statistics?.consumers ?? 0) : (info[sort] ?? 0);
  return (a: TaskQueueInfo, b: TaskQueueInfo) => sign * (value(b) - value(a)) || byName(a, b);
}

/**
 * The selected queues of a list, page by page: by name they pass through as they come, and listing ends when
 * there are enough; in any other order all of it is read first, and no more is kept than twice what is asked for.
 */
export async function* selectQueues(
  pages: AsyncIterable<TaskQueueInfo[]>,
  selection: QueueSelection,
): AsyncGenerator<TaskQueueInfo[], void, undefined> {
  const { sort = 'name', reverse, limit = Number.POSITIVE_INFINITY } = selection;
  const isStreaming = sort === 'name' && !reverse;
  const compare = comparison(selection);
  let left = limit;
  const kept: TaskQueueInfo[] = [];
  const keepTheFirst = () => {
    kept.sort(compare);
    if (kept.length > limit) kept.length = limit;
  };
  for await (const page of pages) {
    const now = Date.now();
    const selected = page.filter((info) => isSelected(info, selection, now));
    if (isStreaming) {
      yield selected.slice(0, left);
      left -= selected.length;
      if (left <= 0) return;
    } else {
      for (const info of selected) kept.push(info);
      // Not for every page, as each time takes as long as there are queues.
      if (kept.length > 2 * limit) keepTheFirst();
    }
  }
  if (isStreaming) return;
  keepTheFirst();
  yield kept;
}
