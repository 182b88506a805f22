import { globMatcher, globToServerRegex } from './globs.ts';
import { ManagementApi, type ManagementApiOptions } from './management-api.ts';
import { DEFAULT_PREFIX, taskIdOf } from './naming.ts';
import { parseTimestamp } from './timestamps.ts';

/** For {@link listTaskQueues}. */
export interface ListTaskQueuesOptions {
  /** Task ids to list: `*` any text, `?` one character, `\` before a character that is meant as it is. Default all. */
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

/** More than 500 the API refuses. */
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
const STATISTICS = `${TOTALS},consumers,idle_since,head_message_timestamp`;

/**
 * Lists the queues of tasks, by name, a page at a time and so with little memory, however many there are. A
 * queue that is made or deleted meanwhile may be in the list or not.
 *
 * @throws TaskQueueError `API_UNAVAILABLE`, `AUTHENTICATION_FAILED`, `ACCESS_REFUSED`, `VHOST_NOT_FOUND`, `TIMEOUT`
 */
export async function* listTaskQueues(
  options: ManagementApiOptions & ListTaskQueuesOptions = {},
): AsyncGenerator<TaskQueueInfo[], void, undefined> {
  const { glob = '*', source = 'counted', prefix = DEFAULT_PREFIX } = options;
  const matches = globMatcher(glob);
  const api = new ManagementApi(options);
  const path = `queues/${encodeURIComponent(api.vhost)}`;
  // By name, which is the order where none is asked for. Asking for it has RabbitMQ gather the statistics of
  // all queues before it cuts out the page: with 10,000 queues, eight times the time.
  const query = { name: globToServerRegex(prefix, glob), use_regex: true, page_size: PAGE_SIZE };
  const counted = (page: number) =>
    api.get<Page<Totals>>(path, {
      ...query,
      page,
      disable_stats: true,
      enable_queue_totals: true,
      columns: TOTALS,
    });
  const statistics = (page: number) =>
    api.get<Page<Statistics>>(path, { ...query, page, columns: STATISTICS });
  try {
    let before = new Set<string>();
    for (let page = 1, pages = 1; page <= pages; page++) {
      const [totals, details] = await Promise.all([
        source === 'statistics' ? undefined : counted(page),
        source === 'counted' ? undefined : statistics(page),
      ]);
      const { items, page_count } = (totals ?? details) as Page<Totals>;
      pages = page_count;
      const byName = new Map(details?.items.map((item) => [item.name, item]));
      const infos: TaskQueueInfo[] = [];
      for (const item of items) {
        const taskId = taskIdOf(item.name, prefix);
        // Pages shift while queues are made: what moved on to this one was on the last.
        if (taskId === undefined || before.has(item.name) || !matches(taskId)) continue;
        infos.push(toInfo(taskId, item, totals !== undefined, byName.get(item.name)));
      }
      before = new Set(items.map(({ name }) => name));
      yield infos;
    }
  } finally {
    api.close();
  }
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
    oldestAt: typeof head_message_timestamp === 'number' ? head_message_timestamp * 1000 : undefined,
  };
}
