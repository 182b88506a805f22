import { taskIdOf } from './queue-names.ts';

/** An id of 128 random bits in base64url, as `mcp-taskq/replicas` gives one to each process. */
const REPLY_QUEUE_ID = /^replies:[\w-]{22}$/;

/**
 * The queue for the answers to what one process has asked. It has the prefix of the task queues, so that permissions
 * for task queues cover it.
 */
export function replyQueueName(instance: string, prefix: string): string {
  return `${prefix}replies:${instance}`;
}

/** Whether a queue with the task-queue prefix is a process's reply queue rather than a task queue. */
export function isReplyQueue(name: string, prefix: string): boolean {
  return REPLY_QUEUE_ID.test(taskIdOf(name, prefix) ?? '');
}

/** The header of a queued question that says who asks: host and process. */
export const ASKED_BY_HEADER = 'x-mcp-asked-by';
