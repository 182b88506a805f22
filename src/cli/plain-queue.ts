import { CommandFailure } from './command-failure.ts';
import type { ClientContext } from './context.ts';
import { ExitCode } from './exit-codes.ts';

/**
 * Looking means to take and give back, and only a classic queue has everything in its place after that: of a
 * quorum queue RabbitMQ 3 moves it to the end, and RabbitMQ 4.0 drops it after twenty times.
 * @param options `force` goes on all the same, and tells what that does
 * @throws CommandFailure (1) for any other type of queue
 */
export async function requirePlainQueue(
  { client, note }: Pick<ClientContext, 'client' | 'note'>,
  taskId: string,
  { force = false } = {},
): Promise<void> {
  if ((await client.isPlainQueue(taskId)) !== false) return;
  const what = `The queue of task ${JSON.stringify(taskId)} is no classic queue without arguments (a quorum queue?)`;
  if (force) {
    note(`${what}: each look counts as a delivery, and RabbitMQ may drop a message after 20 of them.`);
    return;
  }
  throw new CommandFailure(ExitCode.failed, `${what}: looking at messages there can move or drop them`, {
    hint: '"watch" looks at events only; --force peeks all the same; dequeue --all --out FILE drains to a file.',
  });
}
