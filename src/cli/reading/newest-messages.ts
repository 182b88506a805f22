import { MAX_PEEK } from '../../cli-shared.ts';
import { CommandFailure } from '../command-failure.ts';
import { ExitCode } from '../exit-codes.ts';
import { taskCommand } from '../output/this-command.ts';
import { formatNumber } from '../text/sizes.ts';

/**
 * Reaching the newest messages of a queue means holding all messages before them.
 * @throws CommandFailure (1) for a queue with more messages than can be held
 */
export function requireReach(taskId: string, depth: number): void {
  if (depth <= MAX_PEEK) return;
  const [all, held] = [formatNumber(depth), formatNumber(MAX_PEEK)];
  const drain = taskCommand('dequeue', taskId, ['--all', '--out', 'FILE']);
  throw new CommandFailure(
    ExitCode.failed,
    `The newest messages of task ${JSON.stringify(taskId)} cannot be looked at: the queue has ${all} messages, more than the ${held} that can be held at a time`,
    {
      hint: `"${taskCommand('watch', taskId)}" shows new messages; "${drain}" drains the queue to a file.`,
    },
  );
}
