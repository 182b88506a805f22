import type { TaskQueueError } from '../errors/task-queue-error.ts';
import { isTaskQueueError } from '../errors/task-queue-error.ts';
import {
  aClient,
  aFunction,
  aLimit,
  anIterable,
  aString,
  type Checks,
  checkArgument,
  checkOptions,
} from '../options/check-options.ts';
import type { TaskQueueClient } from '../task-queue-client.ts';
import { MOST_HISTORY_MS } from './idle-time.ts';
import { type ListTaskQueuesOptions, listTaskQueues, type TaskQueueInfo } from './list-task-queues.ts';
import type { ManagementApiOptions } from './management-api.ts';

/** For {@link findIdleTaskQueues}. */
export interface FindIdleTaskQueuesOptions {
  /** Task ids to look at, as in `listTaskQueues`. Default all. */
  glob?: string | undefined;
  /**
   * Idle for at least this many milliseconds. Default 3,600,000 (one hour), the most that RabbitMQ 3 knows. Keep it above
   * the publishers' `redeclareAfterMs`: see {@link pruneTaskQueues}.
   */
  idleMs?: number | undefined;
  /** Called at the end with the queues left out for a reason other than being in use. Default: not reported. */
  onLeftOut?: ((leftOut: LeftOutQueues) => void) | undefined;
}

const CHECKS: Checks<FindIdleTaskQueuesOptions> = {
  glob: aString,
  idleMs: aLimit,
  onLeftOut: aFunction,
};

/** Queues that look forgotten, but that pruning leaves alone. */
export interface LeftOutQueues {
  /**
   * Their idle time is not known: the queue or the broker is some seconds old, the queue was just used or, since its node
   * started, never, or statistics are switched off.
   */
  unknown: number;
  /** Idle for an hour; the broker does not know whether for as long as was asked. */
  beyondHistory: number;
  /** Apparently empty quorum queues and streams, for which RabbitMQ has no conditional delete. */
  otherTypes: number;
}

/** The outcome for a queue to be pruned. */
export type PruneOutcome =
  /** It is gone; somebody else may have deleted it before. */
  | { taskId: string; outcome: 'deleted' }
  /** It had a message or consumer by then, or its type cannot be deleted safely. */
  | { taskId: string; outcome: 'kept' }
  | { taskId: string; outcome: 'failed'; error: TaskQueueError };

const ONE_HOUR_MS = 3_600_000;

/**
 * Finds task queues that look forgotten, a page at a time: empty, nothing unacknowledged, no consumers, idle for long
 * enough. Leaves out quorum queues and streams, for which RabbitMQ has no conditional delete, and queues whose idle
 * time the broker does not know yet, some seconds after its start. The numbers are up to 10 seconds old: {@link
 * pruneTaskQueues} checks each queue again.
 */
export async function* findIdleTaskQueues(
  given?: ManagementApiOptions & FindIdleTaskQueuesOptions,
): AsyncGenerator<TaskQueueInfo[], void, undefined> {
  const options = checkOptions(given, CHECKS);
  const { idleMs = ONE_HOUR_MS, onLeftOut } = options;
  const leftOut: LeftOutQueues = { unknown: 0, beyondHistory: 0, otherTypes: 0 };
  const listed: ManagementApiOptions & ListTaskQueuesOptions = {
    ...options,
    source: 'statistics',
    historyMs: idleMs,
  };
  for await (const page of listTaskQueues(listed)) {
    const now = Date.now();
    yield page.filter((info) => {
      const { ready, unacked, type, statistics } = info;
      if (type !== 'classic') {
        if (!ready && !unacked && !statistics?.consumers) leftOut.otherTypes++;
        return false;
      }
      if (!isKnown(info)) {
        leftOut.unknown++;
        return false;
      }
      if (ready !== 0 || unacked !== 0 || statistics?.consumers !== 0) return false;
      const idle = now - (statistics.idleSince ?? now);
      if (idle < idleMs && idle >= MOST_HISTORY_MS) leftOut.beyondHistory++;
      else if (idle < idleMs && statistics.isUnused) leftOut.unknown++;
      return idle >= idleMs;
    });
  }
  if (leftOut.unknown + leftOut.beyondHistory + leftOut.otherTypes > 0) await onLeftOut?.(leftOut);
}

/** A queue in use is not a candidate, whatever else is unknown. */
function isKnown({ ready, unacked, statistics }: TaskQueueInfo): boolean {
  if ((ready ?? 0) + (unacked ?? 0) + (statistics?.consumers ?? 0) > 0) return true;
  return ready !== undefined && unacked !== undefined && statistics?.idleSince !== undefined;
}

/**
 * Deletes task queues, each only if it is empty and unused at that moment, which the broker checks itself: a message
 * that arrives meanwhile keeps its queue. RabbitMQ confirms and drops a message that arrives within the few
 * milliseconds of the deletion; a {@link TaskQueueClient} that has not used the queue for `redeclareAfterMs` notices,
 * and publishes it again.
 */
export async function* pruneTaskQueues(
  client: TaskQueueClient,
  taskIds: Iterable<string>,
): AsyncGenerator<PruneOutcome, void, undefined> {
  checkArgument('client', client, aClient);
  checkArgument('taskIds', taskIds, anIterable);
  for (const taskId of taskIds) {
    try {
      yield { taskId, outcome: (await client.deleteIfUnused(taskId)) ? 'deleted' : 'kept' };
    } catch (error) {
      if (!isTaskQueueError(error)) throw error;
      yield { taskId, outcome: 'failed', error };
    }
  }
}
