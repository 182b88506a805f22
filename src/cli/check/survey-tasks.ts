import { hasControlCharacter } from '../../cli-shared.ts';
import type { TaskQueueInfo } from '../../index.ts';
import type { ClientContext } from '../context.ts';
import { noteUnusable } from '../output/left-out.ts';
import { forEachAtOnce } from '../queues/each-at-once.ts';
import { listQueues } from '../queues/list-queues.ts';
import { AgeLookups } from '../queues/look-up-ages.ts';

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
  const ages = looks ? new AgeLookups(context) : undefined;
  const tasks: TaskMeasure[] = [];
  let uncounted = 0;
  let unavailable = 0;
  let unusable = 0;
  for await (const page of pages) {
    const counted: TaskQueueInfo[] = [];
    for (const info of page) {
      if (hasControlCharacter(info.taskId)) unusable++;
      else if (info.ready !== undefined && (info.isCounted || info.statistics !== undefined))
        counted.push(info);
      else {
        uncounted++;
        if (UNAVAILABLE.includes(info.state)) unavailable++;
      }
    }
    await countConsumers(context, counted);
    await ages?.lookUp(counted);
    for (const info of counted) tasks.push(measureOf(info));
  }
  noteUnusable(context, unusable);
  const unknownAges = tasks.filter(({ ready, oldestAt }) => ready > 0 && oldestAt === undefined).length;
  return { tasks, uncounted, unavailable, unknownAges };
}

/** Over AMQP, where statistics are switched off. */
async function countConsumers(
  { client, stop }: ClientContext,
  queues: readonly TaskQueueInfo[],
): Promise<void> {
  const unknown = queues.filter(({ ready = 0, statistics }) => ready > 0 && statistics === undefined);
  await forEachAtOnce(unknown, stop.signal, async (info) => {
    const { consumers = 0 } = (await client.depth(info.taskId)) ?? {};
    info.statistics = { consumers, idleSince: undefined, oldestAt: undefined };
  });
}

function measureOf({ taskId, ready = 0, unacked = 0, statistics }: TaskQueueInfo): TaskMeasure {
  const { consumers = 0, oldestAt } = statistics ?? {};
  return { taskId, ready, unacked, consumers, oldestAt };
}
