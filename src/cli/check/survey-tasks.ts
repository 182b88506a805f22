import { hasControlCharacter } from '../../cli-shared.ts';
import type { TaskQueueInfo } from '../../index.ts';
import type { ClientContext } from '../context.ts';
import { noteUnusable } from '../output/left-out.ts';
import { forEachAtOnce } from '../queues/each-at-once.ts';
import { listQueues } from '../queues/list-queues.ts';
import { findOldest } from '../queues/oldest-messages.ts';

/** The measures of one task. */
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
  /** Those of them that cannot be counted: their node is down, or they have crashed. */
  unavailable: number;
  /** Tasks with messages of unknown age. */
  unknownAges: number;
}

/** At most this many tasks are looked into. Most publishers set a timestamp, which makes a look unnecessary. */
const MAX_LOOKS = 1_000;

/** States of a queue whose messages are out of reach. */
const UNAVAILABLE: readonly string[] = ['down', 'stopped', 'crashed', 'minority'];

/**
 * Measures tasks by the broker's statistics, which ends the idle time of none of them; where these are switched off, there
 * are no idle times, and everything is counted. Where the broker does not know the
 * age of the oldest message, as its publisher set no AMQP timestamp, that message is looked at, if `looks`; which does.
 */
export async function surveyTasks(
  context: ClientContext,
  { glob, looks }: { glob: string | undefined; looks: boolean },
): Promise<Survey> {
  const pages = listQueues(context, { signal: context.stop.signal, source: 'statistics', glob });
  const tasks: TaskMeasure[] = [];
  const toLookAt: TaskMeasure[] = [];
  const withoutStatistics: TaskMeasure[] = [];
  let uncounted = 0;
  let unavailable = 0;
  let unusable = 0;
  for await (const page of pages) {
    for (const info of page) {
      if (hasControlCharacter(info.taskId)) {
        unusable++;
        continue;
      }
      const measure = measureOf(info);
      if (measure === undefined) {
        uncounted++;
        if (UNAVAILABLE.includes(info.state)) unavailable++;
        continue;
      }
      tasks.push(measure);
      if (info.isCounted && measure.ready > 0) withoutStatistics.push(measure);
      if (measure.ready > 0 && measure.oldestAt === undefined) toLookAt.push(measure);
    }
  }
  noteUnusable(context, unusable);
  const { client, stop } = context;
  // Over AMQP, as statistics are switched off.
  await forEachAtOnce(withoutStatistics, stop.signal, async (task) => {
    task.consumers = (await client.depth(task.taskId))?.consumers ?? 0;
  });
  if (looks) {
    const looking = { client, signal: stop.signal };
    await findOldest(looking, toLookAt.slice(0, MAX_LOOKS), (task, { isEmpty, queuedAt }) => {
      // The statistics are a few seconds old: the queue may be empty by now.
      if (isEmpty) task.ready = 0;
      else task.oldestAt = queuedAt;
    });
  }
  const unknownAges = toLookAt.filter(({ ready, oldestAt }) => ready > 0 && oldestAt === undefined).length;
  return { tasks, uncounted, unavailable, unknownAges };
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
