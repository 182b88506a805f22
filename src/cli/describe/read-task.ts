import { hasCode, isTaskQueueError, MAX_PEEK } from '../../cli-shared.ts';
import type { QueueDepth, TaskQueueDescription } from '../../index.ts';
import type { ClientContext } from '../context.ts';
import { CODES_OF_ONE } from '../queues/each-task.ts';
import { depthAndKind } from '../queues/missing-queue.ts';
import type { HeardEvents } from '../reading/count-events.ts';
import { requireSameBroker } from '../settings/same-broker.ts';
import { formatCount, formatNumber } from '../text/sizes.ts';
import { countMessages, type MessageCounts } from './count-messages.ts';

/** Everything known about a task. */
export interface TaskReport {
  taskId: string;
  queue: string;
  /**
   * From the management API, if it answers. Read before anything else touches the queue. Its numbers are from the statistics,
   * up to 10 s old: counting would reset the idle time of every queue in the vhost.
   */
  description: TaskQueueDescription | undefined;
  /** Exact, over AMQP; undefined if not queried, as that would reset the idle time. */
  depth: QueueDepth | undefined;
  /** By `depth`, else from the statistics, up to 10 s old. */
  ready: number;
  /** The size of all messages, in bytes; undefined if unknown. */
  bodyBytes: number | undefined;
  /** The events that arrived while listening; undefined if nobody listened. */
  heard?: HeardEvents;
  consumerCount: number;
  /** What a look at the messages found; undefined if there was none. */
  counts: MessageCounts | undefined;
  /** RabbitMQ counts it as empty for seconds after each message. */
  isStream: boolean;
  /** The messages cannot be looked at without harm, or not by this user. */
  isLookRefused: boolean;
  /** What is unknown and why, one sentence each. */
  missing: readonly string[];
}

/** One look holds at most this many bytes. */
const MAX_LOOK_BYTES = 32 * 1024 * 1024;

/** Number of messages to look at first when their size is unknown. */
const FIRST_LOOK = 3;

/** @throws CommandFailure (5) when the task has no queue */
export async function readTask(
  context: ClientContext,
  taskId: string,
  { looks }: { looks: boolean },
): Promise<TaskReport> {
  const { client, settings } = context;
  const { describeTaskQueue } = await import('../../index.ts');
  const missing: string[] = [];
  let description: TaskQueueDescription | undefined;
  // For later: what is asked over AMQP resets the idle time. It fails again there.
  if (looks) client.connect().catch(() => {});
  try {
    [description] = await Promise.all([
      describeTaskQueue(taskId, { ...settings.connection, apiUrl: settings.apiUrl }),
      requireSameBroker(context.settings, context.stop.signal),
    ]);
  } catch (error) {
    if (!isTaskQueueError(error)) throw error;
    missing.push(
      `Unacknowledged messages, consumers, policy, node and idle time need the management API. ${error.message}.`,
    );
  }
  const isReadOnly = !looks && description?.ready !== undefined;
  const depth = isReadOnly ? undefined : await depthOf(context, taskId, description, missing);
  if (description === undefined && missing.length === 0) {
    missing.push(
      'The management API does not know this queue: it is new, or a proxy in front of the API changes %2F in paths.',
    );
  }
  if (description?.hasStatistics === false) {
    missing.push(
      'No statistics yet (new queue, or switched off): consumers, policy, size and idle time are unknown.',
    );
  }
  const ready = depth?.messages ?? description?.ready ?? 0;
  const report: TaskReport = {
    taskId,
    queue: client.prefix + taskId,
    description,
    depth,
    ready,
    bodyBytes: isCurrent(description, ready) ? description?.bodyBytes : undefined,
    consumerCount: depth?.consumers ?? description?.consumers.length ?? 0,
    counts: undefined,
    isStream: (depth?.kind ?? description?.type) === 'stream',
    isLookRefused: false,
    missing,
  };
  if (depth === undefined || !looks || (ready === 0 && !report.isStream)) return report;
  const obstacle = await obstacleToLook(context, report);
  if (obstacle !== undefined) return { ...report, isLookRefused: true, missing: [...missing, obstacle] };
  try {
    const counts = await look(context, report);
    const isWhole = counts.isAll && description?.unacked === 0;
    return { ...report, counts, bodyBytes: isWhole ? counts.bytes : report.bodyBytes };
  } catch (error) {
    if (!hasCode(error, ...CODES_OF_ONE, 'LIMIT_REACHED')) throw error;
    const why = `The messages were not looked at. ${error.message}.`;
    return { ...report, isLookRefused: true, missing: [...missing, why] };
  }
}

/** Undefined if AMQP does not give it; the statistics are then used. */
async function depthOf(
  context: ClientContext,
  taskId: string,
  description: TaskQueueDescription | undefined,
  missing: string[],
): Promise<Awaited<ReturnType<typeof depthAndKind>> | undefined> {
  try {
    return await depthAndKind(context, taskId);
  } catch (error) {
    const isCounted = description?.ready !== undefined && hasCode(error, 'ACCESS_REFUSED', 'LIMIT_REACHED');
    if (!isCounted && !(description && hasCode(error, 'QUEUE_UNAVAILABLE'))) throw error;
    missing.push(`The numbers come from the statistics, up to 10 s old. ${error.message}.`);
    return undefined;
  }
}

/** A look takes messages and requeues them, which leaves only a plain classic queue unchanged. */
async function obstacleToLook(
  { client }: ClientContext,
  { taskId, description, isStream }: TaskReport,
): Promise<string | undefined> {
  const why = 'The messages were not looked at';
  if (isStream) return `${why}: a stream keeps its messages, and is read from an offset.`;
  if (description !== undefined) {
    const { type } = description;
    if (type !== 'classic') return `${why}: in a ${type} queue each look counts towards the delivery limit.`;
    const own = Object.keys(description.arguments).filter((name) => name !== 'x-queue-type');
    if (own.length === 0) return undefined;
    return `${why}: the queue has arguments of its own (${own.join(', ')}), and a look could change its order.`;
  }
  try {
    const kind = await client.queueKind(taskId);
    return kind?.isPlain === false ? `${why}: it is not a classic queue without arguments.` : undefined;
  } catch (error) {
    if (!isTaskQueueError(error)) throw error;
    return `${why}: the queue type is unknown. ${error.message}.`;
  }
}

/** Looks at the oldest messages, as many as one look may hold. */
async function look({ client }: ClientContext, report: TaskReport): Promise<MessageCounts> {
  const { taskId, ready, description } = report;
  let average = averageSize(description, ready);
  if (average === undefined && ready > FIRST_LOOK) {
    const first = await client.peek(taskId, { limit: FIRST_LOOK });
    average = first.reduce((sum, { body }) => sum + body.length, 0) / Math.max(1, first.length);
  }
  const fitting = Math.max(1, Math.floor(MAX_LOOK_BYTES / Math.max(1, average ?? 1)));
  const limit = Math.min(ready, MAX_PEEK, fitting);
  return countMessages(await client.peek(taskId, { limit }), ready);
}

/** Whether the statistics agree with the count. Otherwise they are of another time, and say nothing of what has come since. */
function isCurrent({ ready: described = 0 }: Partial<TaskQueueDescription> = {}, ready: number): boolean {
  return Math.abs(described - ready) <= ready / 10;
}

/** The average size of a body, in bytes. */
function averageSize(description: TaskQueueDescription | undefined, ready: number): number | undefined {
  const { bodyBytes, ready: described = 0, unacked = 0 } = description ?? {};
  const isKnown = bodyBytes !== undefined && described + unacked > 0 && isCurrent(description, ready);
  return isKnown ? bodyBytes / (described + unacked) : undefined;
}

/** The messages that the counts by type cover: `All 4 messages`, `The oldest 1,000 of 70,524 messages`. */
export function scopeOf({ lookedAt, isAll }: MessageCounts, ready: number): string {
  if (isAll) return lookedAt === 1 ? 'The only message' : `All ${formatCount(lookedAt, 'message')}`;
  return `The oldest ${formatNumber(lookedAt)} of ${formatCount(ready, 'message')}`;
}
