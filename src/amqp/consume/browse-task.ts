import type { BatchViewer, PeekOptions } from '../../options/client-options.ts';
import type { ChannelLease } from '../connection/channel-lease.ts';
import { CallerFailure } from '../errors/caller-failure.ts';
import type { QueueKinds } from '../queues/queue-kinds.ts';
import type { QueueReader } from '../queues/queue-reader.ts';
import { Consumption } from './consumption.ts';
import { toStoredMessage } from './delivery.ts';

export interface BrowsedTask {
  taskId: string;
  queue: string;
  reader: QueueReader;
  kinds: QueueKinds;
  /** Whether the view can be given the first batch once more after a lost connection. */
  startsAgain: boolean;
}

/**
 * Passes the oldest messages to the view, batch by batch, as `TaskQueueClient.browse` describes it; all are back at
 * their places when this resolves.
 * @returns how many messages it passed on
 */
export function browseTask(
  { taskId, queue, reader, kinds, startsAgain }: BrowsedTask,
  view: BatchViewer,
  { limit = 1, skip = 0 }: PeekOptions,
): Promise<number> {
  const failure = new CallerFailure();
  let shown = 0;
  const look = async (lease: ChannelLease) => {
    const { messageCount } = await lease.request((channel) => channel.checkQueue(queue));
    const count = Math.min(messageCount, skip + limit);
    shown = 0;
    if (count <= skip) return 0;
    await kinds.refuseUnreadable(queue);
    const consumption = new Consumption(lease, queue, () => kinds.kindOfAnswering(queue));
    await consumption.start(count);
    try {
      for (let seen = 0; seen < count; ) {
        const batch = await consumption.next(count - seen);
        if (batch.length === 0) break;
        const messages = batch
          .slice(Math.max(0, skip - seen))
          .map((message) => toStoredMessage(taskId, message));
        seen += batch.length;
        if (messages.length === 0) continue;
        const before = shown;
        shown += messages.length;
        await failure.watch(() => view(messages, before));
      }
    } finally {
      await consumption.end();
    }
    return shown;
  };
  const isRepeatable = () => !failure.isKnown && (startsAgain || shown === 0);
  return failure.passOn(reader.read({ missing: 0, isRepeatable, readsMessages: true }, look));
}
