import type { TaskQueueError } from '../errors/task-queue-error.ts';
import { isTaskQueueError } from '../errors/task-queue-error.ts';
import type { TaskQueueClient } from '../task-queue-client.ts';
import { type ListTaskQueuesOptions, listTaskQueues, type TaskQueueInfo } from './list-task-queues.ts';
import type { ManagementApiOptions } from './management-api.ts';

/** For {@link findIdleTaskQueues}. */
export interface FindIdleTaskQueuesOptions {
  /** Task ids to look at, as in `listTaskQueues`. Default all. */
  glob?: string;
  /**
   * Nothing was done with the queue for so many milliseconds. Default 3,600,000, one hour. Keep it above the
   * `redeclareAfterMs` of those who publish: see {@link pruneTaskQueues}.
   */
  idleMs?: number;
  /** Told at the end of the queues that were left out for another reason than being in use. Default: nobody is. */
  onLeftOut?: (leftOut: LeftOutQueues) => void;
  /** As in `listTaskQueues`. */
  onOtherVhosts?: (count: number) => void;
}

/** Queues that may be forgotten, and that pruning leaves alone. */
export interface LeftOutQueues {
  /**
   * The broker has no idle time for them: they are some seconds old, it was started some seconds ago, something has just
   * been done with them, or its statistics are switched off.
   */
  unknown: number;
  /** Empty as far as is known, but quorum queues and streams: RabbitMQ has no conditional delete for them. */
  otherTypes: number;
}

/** What became of a queue that was to be pruned. */
export type PruneOutcome =
  | { taskId: string; outcome: 'deleted' }
  /** It had a message or a consumer by then, or is of a type that cannot be deleted safely. */
  | { taskId: string; outcome: 'kept' }
  | { taskId: string; outcome: 'failed'; error: TaskQueueError };

const ONE_HOUR_MS = 3_600_000;

/**
 * Finds, a page at a time, the queues of tasks that look forgotten: empty, nothing unacknowledged, nobody
 * consuming, idle for long enough. Quorum queues and streams are left out, as RabbitMQ has no conditional
 * delete for them; so are queues whose idle time the broker does not know yet, some seconds after its start.
 * The numbers are up to 10 seconds old: {@link pruneTaskQueues} has each queue checked again.
 */
export async function* findIdleTaskQueues(
  options: ManagementApiOptions & FindIdleTaskQueuesOptions = {},
): AsyncGenerator<TaskQueueInfo[], void, undefined> {
  const { idleMs = ONE_HOUR_MS, onLeftOut } = options;
  const leftOut: LeftOutQueues = { unknown: 0, otherTypes: 0 };
  const listed: ManagementApiOptions & ListTaskQueuesOptions = { ...options, source: 'statistics' };
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
      return (
        ready === 0 &&
        unacked === 0 &&
        statistics?.consumers === 0 &&
        statistics.idleSince !== undefined &&
        now - statistics.idleSince >= idleMs
      );
    });
  }
  if (leftOut.unknown + leftOut.otherTypes > 0) onLeftOut?.(leftOut);
}

/** What is in use is none to delete, whatever else is not known. */
function isKnown({ ready, unacked, statistics }: TaskQueueInfo): boolean {
  if ((ready ?? 0) + (unacked ?? 0) + (statistics?.consumers ?? 0) > 0) return true;
  return ready !== undefined && unacked !== undefined && statistics?.idleSince !== undefined;
}

/**
 * Deletes the queues of tasks, each only if it is empty and unused at that moment, which the broker itself
 * checks: a message that arrived meanwhile keeps its queue. RabbitMQ confirms, and drops, what arrives while it is
 * deleting, some milliseconds; a {@link TaskQueueClient} that has not used the queue for `redeclareAfterMs` notices, and
 * publishes it again.
 */
export async function* pruneTaskQueues(
  client: TaskQueueClient,
  taskIds: Iterable<string>,
): AsyncGenerator<PruneOutcome, void, undefined> {
  for (const taskId of taskIds) {
    try {
      yield { taskId, outcome: (await client.deleteIfUnused(taskId)) ? 'deleted' : 'kept' };
    } catch (error) {
      if (!isTaskQueueError(error)) throw error;
      yield { taskId, outcome: 'failed', error };
    }
  }
}
