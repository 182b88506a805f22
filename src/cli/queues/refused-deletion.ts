import { hasCode } from '../../cli-shared.ts';
import { CommandFailure } from '../command-failure.ts';
import type { ClientContext } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';

/**
 * For a dry run.
 * @returns the failure if this user may not delete the queue of a task: learning its kind takes the same permission
 */
export async function refusedDeletion(
  { client }: Pick<ClientContext, 'client'>,
  taskId: string,
): Promise<CommandFailure | undefined> {
  try {
    await client.queueKind(taskId);
  } catch (error) {
    if (!hasCode(error, 'ACCESS_REFUSED')) return undefined;
    const message = `The queue of task ${JSON.stringify(taskId)} would stay. ${error.message}`;
    return new CommandFailure(ExitCode.refused, message, { cause: error, hint: error.hint });
  }
}
