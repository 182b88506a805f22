import type { TaskQueueClient } from '../task-queue-client.ts';
import type { QuestionDeliverer } from './question-deliverer.ts';
import type { ReplicaCore } from './replica-core.ts';
import type { RequestContext } from './request-context.ts';

/** The task fields that the SDK reads. */
export interface TaskSnapshot {
  taskId: string;
  status: string;
  pollInterval?: number | null;
}

/** Terminal statuses. */
const ENDS = ['completed', 'failed', 'cancelled'];

/** The SDK's poll interval for a task without one. */
const DEFAULT_POLL_MS = 1_000;

/**
 * The task as the SDK should see it while it answers `tasks/result`. Notes the state of the task in the context.
 * @param look reads the task from the store
 */
export async function taskForSdk(
  core: ReplicaCore,
  deliverer: QuestionDeliverer,
  context: RequestContext,
  look: () => Promise<TaskSnapshot | null>,
): Promise<TaskSnapshot | null> {
  const task = await look();
  context.task = {
    isOver: task === null || ENDS.includes(task.status),
    pollInterval: task?.pollInterval || DEFAULT_POLL_MS,
    look: async () => void (await taskForSdk(core, deliverer, context, look)),
  };
  if (task === null) return null;
  // The SDK would pause between two looks, which delays what is queued meanwhile; `dequeue` waits in its stead.
  const seen = { ...task, pollInterval: 1 };
  if (!context.task.isOver) return seen;
  core.endQuestions(task.taskId);
  if (task.status === 'cancelled') {
    // The replica that cancelled it has cleared it, but cannot delete a queue while it is read here.
    void deliverer.clear(task.taskId);
    return seen;
  }
  // What was queued before the end is delivered before the result; the SDK drops it when it comes between two looks.
  return (await hasMessages(core.client, task.taskId)) ? { ...seen, status: 'working' } : seen;
}

async function hasMessages(client: TaskQueueClient, taskId: string): Promise<boolean> {
  try {
    return ((await client.depth(taskId))?.messages ?? 0) > 0;
  } catch {
    return false;
  }
}
