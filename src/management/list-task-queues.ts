import { taskIdOf } from '../messages/queue-names.ts';
import { isReplyQueue } from '../messages/reply-queues.ts';
import { timestampToMs } from '../messages/timestamps.ts';
import { aLimit, aString, type Checks, checkOptions, oneOf } from '../options/check-options.ts';
import { toCount } from './counts.ts';
import { globMatcher, globToServerRegex } from './globs.ts';
import { historyQuery, idleSince, type MessageStats, TOTAL_COLUMNS } from './idle-time.ts';
import type { ManagementApi, ManagementApiOptions } from './management-api.ts';
import { notRabbitMQ, otherVhosts } from './management-api-errors.ts';
import { orderedJoin } from './ordered-join.ts';
import { type ReportedState, stateOf } from './queue-state.ts';

/** For {@link listTaskQueues}. */
export interface ListTaskQueuesOptions {
  /** Glob pattern for task ids: `*` matches any text, `?` one character, `\` escapes. Default: all. */
  glob?: string | undefined;
  /**
   * Where the numbers come from. `counted`, the default: counted now; nothing else is known. `statistics`: the
   * broker's statistics, up to 10 seconds old; counted where a broker has its statistics switched off. `both`: counted, plus
   * statistics. `none`: no numbers, only names and types.
   *
   * Counting resets the idle time of every queue in the vhost, matching or not. To find idle queues, ask for the
   * statistics alone.
   */
  source?: 'counted' | 'statistics' | 'both' | 'none' | undefined;
  /**
   * With `statistics`: how far back, in milliseconds, to look for the last use of each queue, for `idleSince`. At most an
   * hour, as far as the broker's samples go. Default 0: only what the broker calls idle.
   */
  historyMs?: number | undefined;
}

const CHECKS: Checks<ListTaskQueuesOptions> = {
  glob: aString,
  source: oneOf('counted', 'statistics', 'both', 'none'),
  historyMs: aLimit,
};

/** A task's queue, as the management API reports it. */
export interface TaskQueueInfo {
  taskId: string;
  /** Messages ready. If counted: exact for a classic queue, up to 5 s old for a quorum queue, unknown for a stream. */
  ready: number | undefined;
  /** Messages unacknowledged; as exact as `ready`. */
  unacked: number | undefined;
  /** `classic`, `quorum` or `stream`. */
  type: string;
  /** `running`, `idle`, `down`, … */
  state: string;
  /** Whether the numbers above were counted rather than taken from the statistics. */
  isCounted: boolean;
  /** If requested and known. Up to 10 seconds old. */
  statistics: QueueStatistics | undefined;
}

/** Statistics that the broker collects about a queue periodically. */
export interface QueueStatistics {
  /** The number of consumers. */
  consumers: number;
  /**
   * Idle since, in milliseconds since the epoch, at the latest, by this machine's clock. Counting its messages, here or over
   * AMQP, resets this, and RabbitMQ 3.8.1 and later resets it every two minutes; with `historyMs` it goes back to when
   * messages last came or went.
   */
  idleSince: number | undefined;
  /** With `historyMs`: no message has gone through it since its node started, so only RabbitMQ's idle time is known. */
  isUnused?: boolean;
  /** The AMQP timestamp of the oldest message, in milliseconds since the epoch, if its publisher set one. */
  oldestAt: number | undefined;
}

/** The API's maximum page size. */
const PAGE_SIZE = 500;

/** A queue in an answer, with what was asked for. */
interface Queue extends ReportedState {
  name: string;
  vhost?: string;
  messages_ready?: unknown;
  messages_unacknowledged?: unknown;
  type?: string;
  consumers?: unknown;
  idle_since?: string | null;
  message_stats?: MessageStats;
  head_message_timestamp?: number | string | null;
}

type Query = { readonly [name: string]: string | number | boolean };

const TOTALS = 'name,vhost,messages_ready,messages_unacknowledged,type,state,members,online';
const DETAILS = 'consumers,idle_since,head_message_timestamp';

/** What is asked of a list, by the source of the numbers; and of a second one, to be joined to it. */
function queriesFor(
  source: NonNullable<ListTaskQueuesOptions['source']>,
  historyMs: number,
): [numbers: Query, more?: Query] {
  const counted = { disable_stats: true, enable_queue_totals: true, columns: TOTALS };
  switch (source) {
    case 'counted':
      return [counted];
    case 'both':
      return [counted, { columns: `name,vhost,${DETAILS}` }];
    case 'none':
      return [{ disable_stats: true, columns: 'name,vhost,type,state,members,online' }];
    case 'statistics':
      if (historyMs === 0) return [{ columns: `${TOTALS},${DETAILS}` }];
      return [{ columns: `${TOTALS},${DETAILS},${TOTAL_COLUMNS}` }, historyQuery(historyMs)];
  }
}

/**
 * Lists task queues by name, page by page, with little memory however many there are. A queue created or deleted
 * meanwhile may or may not be listed.
 *
 * @throws TaskQueueError `API_UNAVAILABLE`, `AUTHENTICATION_FAILED`, `ACCESS_REFUSED`, `VHOST_NOT_FOUND`, `NO_ANSWER`,
 * `TARGET_MISMATCH` if an answer contains other vhosts only, or is not RabbitMQ's; the reason of its signal
 */
export async function* listTaskQueues(
  given?: ManagementApiOptions & ListTaskQueuesOptions,
): AsyncGenerator<TaskQueueInfo[], void, undefined> {
  const options = checkOptions(given, CHECKS);
  const { glob = '*', source = 'counted', historyMs = 0 } = options;
  const matches = globMatcher(glob);
  // Loaded here: Node's HTTP client takes a tenth of a command's time, and most commands do not need it.
  const { ManagementApi } = await import('./management-api.ts');
  const api = new ManagementApi(options);
  const { prefix } = api;
  try {
    const regex = glob === '*' ? undefined : globToServerRegex(prefix, glob);
    for await (const queues of listed(api, source, regex, historyMs)) {
      yield queues.flatMap((queue) => {
        const { name } = queue.totals;
        const taskId = taskIdOf(name, prefix);
        if (taskId === undefined || isReplyQueue(name, prefix) || !matches(taskId)) return [];
        return [toInfo(api, taskId, queue)];
      });
    }
  } finally {
    api.close();
  }
}

interface Listed {
  totals: Queue;
  isCounted: boolean;
  /** If requested and known. */
  statistics?: Queue | undefined;
  /** If requested: samples of its counters, where there are any. */
  history?: { samples: MessageStats | undefined };
}

/** Queues that match the regular expression, a page at a time, with their statistics where known. */
async function* listed(
  api: ManagementApi,
  source: NonNullable<ListTaskQueuesOptions['source']>,
  regex: string | undefined,
  historyMs: number,
): AsyncGenerator<Listed[]> {
  const [numbers, more] = queriesFor(source, historyMs);
  const isCounted = source === 'counted' || source === 'both';
  for await (const page of joined(api, numbers, more, regex)) {
    const found = page.map(({ item, other }): Listed => {
      if (source === 'both') return { totals: item, isCounted, statistics: other };
      if (source !== 'statistics') return { totals: item, isCounted };
      const history = more && { history: { samples: other?.message_stats } };
      return { totals: item, isCounted, statistics: item, ...history };
    });
    // Those of new queues are missing too; but these are counted only where there are no idle times that would end.
    const areSomeMissing = found.some(({ statistics }) => toCount(statistics?.consumers) === undefined);
    if (source === 'statistics' && areSomeMissing && (await isWithoutStatistics(api)))
      return yield* listed(api, 'counted', regex, 0);
    yield found;
  }
}

/** A list, and what a second one says of the same queues. */
async function* joined(
  api: ManagementApi,
  numbers: Query,
  more: Query | undefined,
  regex: string | undefined,
): AsyncGenerator<{ item: Queue; other?: Queue | undefined }[]> {
  const list = queues(api, numbers, regex);
  if (more !== undefined) yield* orderedJoin(list, queues(api, more, regex));
  else for await (const items of list) yield items.map((item) => ({ item }));
}

/** `management_agent.disable_metrics_collector`, `management.disable_stats`. */
async function isWithoutStatistics(api: ManagementApi): Promise<boolean> {
  const columns = 'disable_stats';
  const { disable_stats } = await api.get<{ disable_stats?: boolean }>('overview', { columns });
  return disable_stats === true;
}

/**
 * The queues of the vhost. A proxy may decode the %2F of the vhost `/`; the API then lists all vhosts, or another one.
 * @throws TaskQueueError `TARGET_MISMATCH` if these are not queues, or all of other vhosts: then it is not known whether this
 * one has any
 */
async function* queues(
  api: ManagementApi,
  numbers: Query,
  regex: string | undefined,
): AsyncGenerator<Queue[]> {
  let hasOwn = false;
  let hasOthers = false;
  for await (const items of allQueues(api, numbers, regex)) {
    if (!items.every((item) => typeof item?.name === 'string')) throw notRabbitMQ(api.base);
    const own = items.filter(({ vhost }) => vhost === undefined || vhost === api.vhost);
    hasOwn ||= own.length > 0;
    hasOthers ||= own.length < items.length;
    yield own;
  }
  if (hasOthers && !hasOwn) throw otherVhosts(api.base, api.vhost);
}

async function* allQueues(
  api: ManagementApi,
  numbers: Query,
  regex: string | undefined,
): AsyncGenerator<Queue[]> {
  const path = `queues/${encodeURIComponent(api.vhost)}`;
  // RabbitMQ scans all queues for each page, so one page is quick, and twenty pages are not.
  if (regex !== undefined) {
    const query = { ...numbers, name: regex, use_regex: true, page: 1, page_size: PAGE_SIZE };
    const { items, page_count } = await api.get<{ items: Queue[]; page_count: number }>(path, query);
    if (Array.isArray(items) && page_count <= 1) {
      yield items;
      return;
    }
  }
  yield* api.items<Queue>(path, numbers);
}

function toInfo(
  { clockAheadMs }: ManagementApi,
  taskId: string,
  { totals, isCounted, statistics, history }: Listed,
): TaskQueueInfo {
  const consumers = toCount(statistics?.consumers);
  const { idle_since, head_message_timestamp, message_stats } = statistics ?? {};
  return {
    taskId,
    ready: toCount(totals.messages_ready),
    unacked: toCount(totals.messages_unacknowledged),
    type: totals.type ?? 'classic',
    state: stateOf(totals),
    isCounted,
    statistics:
      consumers === undefined
        ? undefined
        : {
            consumers,
            idleSince: idleSince(idle_since, message_stats, history?.samples, clockAheadMs),
            ...(history && { isUnused: message_stats === undefined }),
            // An empty string on some versions, null on others.
            oldestAt: timestampToMs(toCount(head_message_timestamp)),
          },
  };
}
