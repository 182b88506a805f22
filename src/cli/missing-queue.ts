import type { QueueDepth } from '../index.ts';
import { CommandFailure } from './command-failure.ts';
import type { ClientContext } from './context.ts';
import { ExitCode } from './exit-codes.ts';

/**
 * How much is in a task's queue.
 * @throws CommandFailure (5) when there is no such queue: a mistyped id must not look like an empty task
 */
export async function depthOrFail(client: ClientContext['client'], taskId: string): Promise<QueueDepth> {
  const depth = await client.depth(taskId);
  if (depth !== undefined) return depth;
  throw new CommandFailure(
    ExitCode.noSuchQueue,
    `Task ${JSON.stringify(taskId)} has no queue ${JSON.stringify(client.prefix + taskId)}`,
    { hint: 'Is the id right? "mcp-taskq ls" lists the tasks that have one; a finished task has none.' },
  );
}

/** @param filter the expression that nothing matched, if there was one */
export function emptyFailure(taskId: string, filter?: string): CommandFailure {
  const what = filter === undefined ? 'no messages waiting' : 'no message that the filter matches';
  return new CommandFailure(ExitCode.nothingThere, `Task ${JSON.stringify(taskId)} has ${what}`);
}
