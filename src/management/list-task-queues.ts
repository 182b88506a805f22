import { DEFAULT_PREFIX, taskIdOf } from '../wire/naming.ts';
import { parseTimestamp, timestampToMs } from '../wire/timestamps.ts';
import { globMatcher, globToServerRegex } from './globs.ts';
import type { ManagementApi, ManagementApiOptions } from './management-api.ts';
import { orderedJoin } from './ordered-join.ts';

/** For {@link listTaskQueues}. */
export interface ListTaskQueuesOptions {
  /**
   * Task ids to list: `*` is any text, `?` one character; a backslash goes before a character that is meant as it
   * is. Default: all.
   */
  glob?: string;
  /**
   * Where the numbers come from. `counted`, the default: counted now; nothing else is known. `statistics`: the
   * broker's statistics alone, up to 10 seconds old. `both`: counted, and the statistics beside them.
   *
   * Counting is a use of the queue, which RabbitMQ takes for no longer idle: to find idle queues, ask for the
   * statistics alone.
   */
  source?: 'counted' | 'statistics' | 'both';
}

/** The queue of a task, as the management API tells of it. */
export interface TaskQueueInfo {
  taskId: string;
  /**
   * Messages to be read. Where they were counted: exact for a classic queue, up to 5 s old for a quorum queue,
   * unknown for a stream.
   */
  ready: number | undefined;
  /** Messages that a reader holds; as exact as `ready`. */
  unacked: number | undefined;
  /** `classic`, `quorum` or `stream`. */
  type: string;
  /** `running`, `idle`, `down`, … */
  state: string;
  /** The numbers above were counted, and are not from the statistics. */
  isCounted: boolean;
  /** Where asked for and known. Up to 10 seconds old. */
  statistics: QueueStatistics | undefined;
}

/** What the broker gathers about a queue now and then. */
export interface QueueStatistics {
  /** Who reads with a subscription. */
  consumers: number;
  /**
   * Since when nothing has been done with the queue, in milliseconds since the epoch. Counting its messages is
   * doing something, and so is looking at its depth over AMQP.
   */
  idleSince: number | undefined;
  /** The AMQP timestamp of the oldest message, in milliseconds since the epoch, where its publisher set one. */
  oldestAt: number | undefined;
}

/** As many as the API gives at most in a page. */
const PAGE_SIZE = 500;

interface Page<T> {
  items: T[];
  page_count: number;
}

interface Totals {
  name: string;
  messages_ready?: number;
  messages_unacknowledged?: number;
  type?: string;
  state?: string;
}

interface Statistics extends Totals {
  consumers?: number;
  idle_since?: string | null;
  head_message_timestamp?: number | string | null;
}

const TOTALS = 'name,messages_ready,messages_unacknowledged,type,state';
const COUNTED = { disable_stats: true, enable_queue_totals: true, columns: TOTALS };
const DETAILS = { columns: 'name,consumers,idle_since,head_message_timestamp' };
const STATISTICS = { columns: `${TOTALS},consumers,idle_since,head_message_timestamp` };

/**
 * Lists the queues of tasks, by name, some at a time as the broker tells them, and so with little memory however
 * many there are. A queue that is made or deleted meanwhile may be in the list or not.
 *
 * @throws TaskQueueError `API_UNAVAILABLE`, `AUTHENTICATION_FAILED`, `ACCESS_REFUSED`, `VHOST_NOT_FOUND`, `TIMEOUT`; the
 * reason of its signal
 */
export async function* listTaskQueues(
  options: ManagementApiOptions & ListTaskQueuesOptions = {},
): AsyncGenerator<TaskQueueInfo[], void, undefined> {
  const { glob = '*', source = 'counted', prefix = DEFAULT_PREFIX } = options;
  const matches = globMatcher(glob);
  // Loaded here: Node's HTTP client takes a tenth of the time of a whole command, and most have no use for it.
  const { ManagementApi } = await import('./management-api.ts');
  const api = new ManagementApi(options);
  try {
    const regex = glob === '*' ? undefined : globToServerRegex(prefix, glob);
    for await (const queues of listed(api, source, regex)) {
      yield queues.flatMap(({ item, other }) => {
        const taskId = taskIdOf(item.name, prefix);
        if (taskId === undefined || !matches(taskId)) return [];
        return [toInfo(taskId, item, source !== 'statistics', other)];
      });
    }
  } finally {
    api.close();
  }
}

/** Some more queues than match the regular expression, each with its statistics where they are known. */
async function* listed(
  api: ManagementApi,
  source: 'counted' | 'statistics' | 'both',
  regex: string | undefined,
): AsyncGenerator<{ item: Totals; other: Statistics | undefined }[]> {
  switch (source) {
    case 'both':
      yield* orderedJoin(queues<Totals>(api, COUNTED, regex), queues<Statistics>(api, DETAILS, regex));
      return;
    case 'counted':
      for await (const items of queues<Totals>(api, COUNTED, regex))
        yield items.map((item) => ({ item, other: undefined }));
      return;
    case 'statistics':
      for await (const items of queues<Statistics>(api, STATISTICS, regex))
        yield items.map((item) => ({ item, other: item }));
  }
}

async function* queues<T>(
  api: ManagementApi,
  numbers: { columns: string },
  regex: string | undefined,
): AsyncGenerator<T[]> {
  const path = `queues/${encodeURIComponent(api.vhost)}`;
  // RabbitMQ goes through all queues for each page. So one page is quick, and a list of twenty pages is not.
  if (regex !== undefined) {
    const query = { ...numbers, name: regex, use_regex: true, page: 1, page_size: PAGE_SIZE };
    const { items, page_count } = await api.get<Page<T>>(path, query);
    if (page_count <= 1) {
      yield items;
      return;
    }
  }
  yield* api.items<T>(path, numbers);
}

function toInfo(
  taskId: string,
  totals: Totals,
  isCounted: boolean,
  details: Statistics | undefined,
): TaskQueueInfo {
  return {
    taskId,
    ready: totals.messages_ready,
    unacked: totals.messages_unacknowledged,
    type: totals.type ?? 'classic',
    state: totals.state ?? 'unknown',
    isCounted,
    statistics: details?.consumers === undefined ? undefined : toStatistics(details.consumers, details),
  };
}

function toStatistics(
  consumers: number,
  { idle_since, head_message_timestamp }: Statistics,
): QueueStatistics {
  return {
    consumers,
    idleSince: idle_since ? parseTimestamp(idle_since) : undefined,
    // An empty string on some versions, null on others.
    oldestAt: timestampToMs(head_message_timestamp),
  };
}
