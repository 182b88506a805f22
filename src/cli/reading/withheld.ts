import type { Context } from '../context.ts';
import { formatCount } from '../text/sizes.ts';

/** Fewer messages are requeued too quickly for other readers to notice. */
const LEAST = 1_000;

/**
 * Announces, before a filter runs, what it withholds from other readers: RabbitMQ cannot skip a message without
 * holding it.
 * @param present number of messages in the queue
 */
export function noteWithheld({ note }: Pick<Context, 'note'>, present: number): void {
  if (present < LEAST) return;
  note(
    `The filter looks at ${formatCount(present, 'message')}; those that do not match are withheld from other readers until it is done.`,
  );
}

/**
 * Notes that a command which took all messages of a task did not get those that consumers hold. Their number is not
 * asked for: the management API counts it live only with a request that resets the idle times of all queues.
 */
export function noteHeldBack(
  { note }: Pick<Context, 'note'>,
  taskId: string,
  consumers: number,
  done: 'removed' | 'moved' | 'copied',
): void {
  if (consumers === 0) return;
  const they = consumers === 1 ? 'it holds' : 'they hold';
  note(
    `Task ${JSON.stringify(taskId)} has ${formatCount(consumers, 'consumer')}: messages that ${they} unacknowledged were not ${done}.`,
  );
}
