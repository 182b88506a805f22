import { CommandFailure } from './command-failure.ts';
import type { ClientContext } from './context.ts';
import { ExitCode } from './exit-codes.ts';

/**
 * Looking means to take and give back, and only a classic queue has everything as it was after that: in a quorum
 * queue RabbitMQ 4 counts it as a delivery, and drops a message after twenty of them. RabbitMQ 3.10 does not.
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
    note(`${what}: RabbitMQ 4 counts each look as a delivery, and drops a message after 20 of them.`);
    return;
  }
  throw new CommandFailure(ExitCode.failed, `${what}: looking at messages there can move or drop them`, {
    hint: '"watch" looks at events only; --force peeks all the same; dequeue --all --out FILE drains to a file.',
  });
}
