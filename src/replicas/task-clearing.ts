import type { TaskQueueError } from '../errors/task-queue-error.ts';
import type { QueuedMessage } from '../messages/queued-message.ts';
import type { StoredMessage } from '../messages/stored-message.ts';
import { parseAddress } from './question-address.ts';
import type { QuestionAsker } from './question-asker.ts';
import type { ReplicaCore } from './replica-core.ts';
import type { TaskCalls } from './task-calls.ts';

/**
 * Removes everything queued for a task. Returns what the SDK of this server object has to know; everyone else who
 * asked is notified that the task is over. Never rejects: the SDK drops the promise, and a rejection would end the
 * process.
 */
export async function clearTask(
  core: ReplicaCore,
  calls: TaskCalls,
  asker: QuestionAsker,
  taskId: string,
): Promise<QueuedMessage[]> {
  const what = `Cannot clear task ${JSON.stringify(taskId)}`;
  try {
    return await calls.inOrder(taskId, 'clear', what, async () =>
      endQueued(core, asker, await removeAll(core, taskId)),
    );
  } catch (error) {
    core.options.warn(error as TaskQueueError);
    return [];
  } finally {
    core.endQuestions(taskId);
  }
}

/** `undefined` stands for what was set aside. */
async function removeAll(
  { client, malformed }: ReplicaCore,
  taskId: string,
): Promise<(QueuedMessage | undefined)[]> {
  const taken: (QueuedMessage | undefined)[] = [];
  const take = async (batch: StoredMessage[], before: number) => {
    // Shorter than it is when the connection was lost, and all of them come again.
    taken.length = before;
    for (const stored of batch) taken.push(await malformed.decode(stored));
  };
  taken.length = await client.clear(taskId, take, { allOrNone: true });
  return taken;
}

/** Returns the questions of this server object, and notifies the other askers. */
function endQueued(
  core: ReplicaCore,
  asker: QuestionAsker,
  removed: (QueuedMessage | undefined)[],
): QueuedMessage[] {
  const own: QueuedMessage[] = [];
  for (const queued of removed) {
    if (queued?.type !== 'request') continue;
    const address = parseAddress(queued.message.id);
    if (address === undefined) continue;
    const question = asker.find(address.serial);
    if (question === undefined) core.replies.send(address, 'ended');
    else own.push(asker.takeBack(question, queued));
  }
  return own;
}
