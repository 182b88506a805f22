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
  if ((await isPlain(client, taskId, force)) !== false) return;
  const what = `The queue of task ${JSON.stringify(taskId)} is no classic queue without arguments (a quorum queue?)`;
  if (force) {
    note(`${what}: RabbitMQ 4 counts each look as a delivery, and drops a message after 20 of them.`);
    return;
  }
  throw new CommandFailure(ExitCode.failed, `${what}: looking at messages there can move or drop them`, {
    hint: '"watch" looks at events only; --force peeks all the same; dequeue --all --out FILE drains to a file.',
  });
}

/** The type of a queue is told only to those who may configure it. With `force` that is no obstacle. */
async function isPlain(
  client: ClientContext['client'],
  taskId: string,
  force: boolean,
): Promise<boolean | undefined> {
  try {
    return await client.isPlainQueue(taskId);
  } catch (error) {
    const { ErrorCode, isTaskQueueError } = await import('../index.ts');
    if (!isTaskQueueError(error) || error.code !== ErrorCode.accessRefused) throw error;
    if (force) return undefined;
    throw new CommandFailure(ExitCode.refused, error.message, {
      cause: error,
      hint: 'Only a user who may configure the queue is told of its type. Where you know it for a classic one: --force.',
    });
  }
}
