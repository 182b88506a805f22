import { setTimeout as sleep } from 'node:timers/promises';
import type { QueuedMessage } from '../messages/queued-message.ts';
import { parseAddress } from './question-address.ts';
import type { ReplicaCore } from './replica-core.ts';

/** How often to clear a queue that cannot be deleted, and the pauses in between. */
const MAX_TRIES = 4;
const RETRY_MS = 25;

/** Removes everything queued for a task, and the queue. Everyone who asked there is notified that the task is over. */
export async function clearQueue(core: ReplicaCore, taskId: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    for (const queued of await core.malformed.takeAll(taskId)) endQuestion(core, queued);
    // If others clear it too, each hides messages from the others for a moment. It stays if somebody delivers one,
    // who clears it afterwards, and if it is a quorum queue.
    if ((await core.client.deleteIfUnused(taskId)) || tries === MAX_TRIES) return;
    await sleep(RETRY_MS);
  }
}

function endQuestion({ replies }: ReplicaCore, queued: QueuedMessage): void {
  const address = queued.type === 'request' ? parseAddress(queued.message.id) : undefined;
  if (address !== undefined) replies.send(address, 'ended');
}
