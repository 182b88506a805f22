import { DEFAULT_PREFIX, hasCode } from '../../cli-shared.ts';
import type { ClusterOverview } from '../../cli-support.ts';
import type { BrokerInspection, ManagementApiOptions } from '../../index.ts';
import { QueueTotals } from '../output/queue-totals.ts';
import { countEvents, type HeardEvents } from '../reading/count-events.ts';
import type { Settings } from '../settings/settings.ts';
import type { Stop } from '../terminal/stop.ts';

/** What the management API says. */
interface ApiStatus {
  overview: ClusterOverview | undefined;
  /** Why it belongs to another broker; the rest is not asked for then. */
  mismatch?: string;
  defaultQueueType?: ClusterOverview['defaultQueueType'];
  /** The totals of all task queues, from the statistics. */
  totals?: QueueTotals;
  events?: ClusterOverview['events'];
  /** Why the rest is unknown. */
  error?: unknown;
}

export interface BrokerStatus {
  broker: BrokerInspection;
  prefix: string;
  /** What named the broker. */
  urlSource: string;
  contextName: string | undefined;
  /** Without credentials. */
  apiUrl: string;
  /** Undefined if the API was not asked. */
  api: ApiStatus | undefined;
  /** The events that arrived while listening; `watch` shows them, and they wake waiting readers. */
  heard: HeardEvents | undefined;
}

interface StatusQuery {
  asksApi: boolean;
  listenMs: number | undefined;
  /** Ends the listening early, and everything else with its reason. */
  stop: Stop;
}

/** @throws TaskQueueError when the broker cannot be reached over AMQP, or refuses; the reason of the stop */
export async function readStatus(
  settings: Settings,
  { asksApi, listenMs, stop }: StatusQuery,
): Promise<BrokerStatus> {
  const { inspectBroker } = await import('../../index.ts');
  const [inspected, asked, listened] = await Promise.allSettled([
    stop.race(inspectBroker({ ...settings.connection, connectionName: 'mcp-taskq' })),
    asksApi ? stop.race(askApi(settings)) : undefined,
    listenMs === undefined ? undefined : countEvents(settings, listenMs, { stop }),
  ]);
  // Errors over AMQP take precedence.
  if (inspected.status === 'rejected') throw inspected.reason;
  if (asked.status === 'rejected') throw asked.reason;
  if (listened.status === 'rejected' && !stop.signal.aborted) throw listened.reason;
  const broker = inspected.value;
  return {
    broker,
    prefix: settings.connection.prefix ?? DEFAULT_PREFIX,
    urlSource: settings.urlSource,
    contextName: settings.context?.name,
    apiUrl: await apiUrlOf(settings, broker),
    api: asked.value,
    heard: listened.status === 'fulfilled' ? listened.value : undefined,
  };
}

async function askApi({ connection, apiUrl }: Settings): Promise<ApiStatus> {
  const { listTaskQueues } = await import('../../index.ts');
  const { readClusterOverview } = await import('../../cli-support.ts');
  const options = { ...connection, apiUrl };
  const totalled = async () => {
    const totals = new QueueTotals();
    // Uses the statistics, as counting would make every queue look busy.
    for await (const page of listTaskQueues({ ...options, source: 'statistics' })) totals.add(page);
    return totals;
  };
  let overview: ClusterOverview | undefined;
  try {
    overview = await readClusterOverview(options);
    // At once, as the API may be far away. What is wrong with it comes first.
    const totalling = totalled();
    totalling.catch(() => {});
    const mismatch = await findMismatch(options);
    if (mismatch !== undefined) return { overview, mismatch };
    const { events, defaultQueueType } = overview;
    return { overview, totals: await totalling, events, defaultQueueType };
  } catch (error) {
    return { overview, error };
  }
}

async function findMismatch(options: ManagementApiOptions): Promise<string | undefined> {
  const { verifySameBroker } = await import('../../cli-support.ts');
  try {
    await verifySameBroker(options);
    return undefined;
  } catch (error) {
    if (hasCode(error, 'TARGET_MISMATCH')) return error.message;
    throw error;
  }
}

/** The given one, else that which the library derives. */
async function apiUrlOf({ apiUrl: given }: Settings, { host, isTls }: BrokerInspection): Promise<string> {
  if (given !== undefined)
    return URL.canParse(given) ? new URL(given).origin : given.replace(/\/\/.*@/s, '//***@');
  const { defaultApiUrl } = await import('../../cli-support.ts');
  return defaultApiUrl(host, isTls);
}
