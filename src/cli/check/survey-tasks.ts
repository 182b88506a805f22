import { isTaskQueueError, type TaskQueueInfo } from '../../index.ts';
import type { ClientContext } from '../context.ts';
import { summarize } from '../output/message-summary.ts';
import { listQueues } from '../queues/list-queues.ts';

/** What a check measures of one task. */
export interface TaskMeasure {
  taskId: string;
  ready: number;
  unacked: number;
  consumers: number;
  /** When the oldest message was queued, in milliseconds since the epoch. */
  oldestAt: number | undefined;
}

export interface Survey {
  tasks: readonly TaskMeasure[];
  /** Queues whose statistics are not there yet, as they are some seconds old; and streams, where all are counted. */
  uncounted: number;
  /** Tasks with messages whose age nobody knows. */
  unknownAges: number;
}

/** Tasks looked at together. */
const LOOKS_AT_ONCE = 8;

/** The most tasks whose messages are looked at: an age that most publishers give needs no look. */
const MAX_LOOKS = 1_000;

/**
 * Measures tasks by the broker's statistics, which ends the idle time of none of them; where these are switched off, there
 * are no idle times, and everything is counted. Where the broker does not know the
 * age of the oldest message, as its publisher set no AMQP timestamp, that message is looked at, if `looks`; which does.
 */
export async function surveyTasks(
  context: ClientContext,
  { glob, looks }: { glob: string | undefined; looks: boolean },
): Promise<Survey> {
  const pages = listQueues(context, {
    signal: context.stop.signal,
    source: 'statistics',
    ...(glob !== undefined && { glob }),
  });
  const tasks: TaskMeasure[] = [];
  const toLookAt: TaskMeasure[] = [];
  const withoutStatistics: TaskMeasure[] = [];
  let uncounted = 0;
  for await (const page of pages) {
    for (const info of page) {
      const measure = measureOf(info);
      if (measure === undefined) {
        uncounted++;
        continue;
      }
      tasks.push(measure);
      if (info.isCounted && measure.ready > 0) withoutStatistics.push(measure);
      if (measure.ready > 0 && measure.oldestAt === undefined) toLookAt.push(measure);
    }
  }
  await countConsumers(context, withoutStatistics);
  if (looks) await lookAt(context, toLookAt.slice(0, MAX_LOOKS));
  const unknownAges = toLookAt.filter(({ ready, oldestAt }) => ready > 0 && oldestAt === undefined).length;
  return { tasks, uncounted, unknownAges };
}

function measureOf({
  taskId,
  ready,
  unacked = 0,
  statistics,
  isCounted,
}: TaskQueueInfo): TaskMeasure | undefined {
  if (ready === undefined || (statistics === undefined && !isCounted)) return undefined;
  const { consumers = 0, oldestAt } = statistics ?? {};
  return { taskId, ready, unacked, consumers, oldestAt };
}

/** Over AMQP, as nobody else knows. Who has no messages is not asked about. */
function countConsumers({ client, stop }: ClientContext, tasks: readonly TaskMeasure[]): Promise<void> {
  return sideBySide(tasks, async (task) => {
    stop.signal.throwIfAborted();
    task.consumers = (await client.depth(task.taskId))?.consumers ?? 0;
  });
}

/** Puts in when the oldest message was queued, as its envelope says. */
async function lookAt({ client, stop }: ClientContext, tasks: readonly TaskMeasure[]): Promise<void> {
  await sideBySide(tasks, async (task) => {
    stop.signal.throwIfAborted();
    try {
      // Anything else does not give back to its place what was looked at.
      if ((await client.isPlainQueue(task.taskId)) !== true) return;
      const [oldest] = await client.peek(task.taskId, { limit: 1 });
      // The statistics are some seconds old: it may be empty by now.
      if (oldest === undefined) task.ready = 0;
      else task.oldestAt = summarize(oldest).queuedAt;
    } catch (error) {
      if (!isTaskQueueError(error) || !['ACCESS_REFUSED', 'QUEUE_LOCKED'].includes(error.code)) throw error;
    }
  });
}

async function sideBySide<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = items.values();
  const worker = async () => {
    for (const item of waiting) await work(item);
  };
  await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, worker));
}
