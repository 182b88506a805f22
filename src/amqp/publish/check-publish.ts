import { randomUUID } from 'node:crypto';
import { ErrorCode, hasCode } from '../../errors/task-queue-error.ts';
import { prepareMessage } from '../../messages/prepared-message.ts';
import type { QueueDeclarer } from '../queues/queue-declarer.ts';
import { missingError } from './publish-errors.ts';
import type { QueuePublisher } from './queue-publisher.ts';

/**
 * Fails where a publish to this queue would, whatever the message. Creates no queue, and stores nothing.
 * @param create whether the publish would create the queue
 */
export async function checkPublish(
  queue: string,
  { create, declarer, publisher }: { create: boolean; declarer: QueueDeclarer; publisher: QueuePublisher },
): Promise<void> {
  if (create) await declarer.checkDeclare(queue);
  else if ((await declarer.depth(queue)) === undefined) throw missingError();
  // RabbitMQ checks the permission to publish, and returns what it cannot route.
  const nowhere = `mcp-taskq:nowhere:${randomUUID()}`;
  const message = prepareMessage({ body: Buffer.alloc(0), properties: {} });
  await publisher.publish(nowhere, message, { create: false }).catch((error) => {
    if (!hasCode(error, ErrorCode.queueNotFound)) throw error;
  });
}
