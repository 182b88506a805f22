import { MAX_PEEK } from '../../cli-shared.ts';
import type { StoredMessage } from '../../index.ts';
import { CommandFailure } from '../command-failure.ts';
import { ExitCode } from '../exit-codes.ts';
import type { MessageFilter } from '../input/filters.ts';
import { taskCommand } from '../output/this-command.ts';
import { formatNumber } from '../text/sizes.ts';

/** The range to look at for the newest messages of a queue, and the messages kept from it. */
export interface NewestMessages {
  skip: number;
  window: number;
  keep(messages: StoredMessage[]): Promise<void>;
  readonly kept: StoredMessage[];
}

/**
 * Reaching the newest messages of a queue means holding all messages before them.
 * @throws CommandFailure (1) for a queue with more messages than can be held
 */
export function newestWindow(
  taskId: string,
  depth: number,
  count: number,
  select: MessageFilter | undefined,
): NewestMessages {
  if (depth > MAX_PEEK) {
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
  const kept: StoredMessage[] = [];
  // Matching messages may be anywhere in the queue.
  const skip = select ? 0 : Math.max(0, depth - count);
  return {
    skip,
    window: depth - skip,
    async keep(messages) {
      for (const message of messages) {
        kept.push(message);
        if (kept.length > count) kept.shift();
      }
    },
    kept,
  };
}
