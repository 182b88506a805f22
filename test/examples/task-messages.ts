import { RabbitMQTaskMessageQueue } from 'mcp-taskq';

/**
 * The SDK clears the queue of a task that was cancelled or delivered without awaiting it: while RabbitMQ is away,
 * that rejection would end the process. The messages that stay are found with `mcp-taskq ls`.
 */
export class TaskMessages extends RabbitMQTaskMessageQueue {
  override async dequeueAll(taskId: string) {
    try {
      return await super.dequeueAll(taskId);
    } catch (error) {
      process.emitWarning(error as Error);
      return [];
    }
  }
}
