import { MAX_PEEK } from '../../cli-shared.ts';
import type { StoredMessage } from '../../index.ts';
import { CommandFailure } from '../command-failure.ts';
import type { ClientContext } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import type { MessageFilter } from '../input/filters.ts';
import { taskCommand } from '../output/this-command.ts';
import { startStallNotice } from '../terminal/stall-notice.ts';
import { formatNumber } from '../text/sizes.ts';
import { UsageFailure } from '../usage-failure.ts';

/** Up to this size, output waits in memory until the messages are back in their queue, as the reader may be slow. */
const MAX_KEPT_BYTES = 4 * 1024 * 1024;

export interface LookOptions {
  /** How many messages to look at; with `skip`, at most `MAX_PEEK`. */
  window: number;
  skip: number;
  /** Hand over only matching messages. */
  select: MessageFilter | undefined;
  /** Hand over at most this many. */
  most: number;
}

/** @throws UsageFailure if nothing could be looked at after the skipped messages, which are held too */
export function requireSkip(skip: number): void {
  if (skip >= MAX_PEEK) throw new UsageFailure(`--skip must be less than ${formatNumber(MAX_PEEK)}`);
}

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

/**
 * Looks at the oldest messages of a task, and hands over the selected ones, once all are back in the queue, or
 * earlier if they take too much memory.
 * @returns the number of messages looked at
 */
export async function lookAtMessages(
  context: Pick<ClientContext, 'client' | 'note'>,
  taskId: string,
  { window, skip, select, most }: LookOptions,
  handle: (messages: StoredMessage[]) => Promise<void>,
): Promise<number> {
  if (window === 0) return 0;
  const stall = startStallNotice(context);
  let kept: StoredMessage[] = [];
  let bytes = 0;
  let wanted = 0;
  const handOver = async () => {
    stall.pause();
    const messages = kept;
    kept = [];
    bytes = 0;
    if (messages.length > 0) await handle(messages);
  };
  try {
    const looked = await context.client.browse(
      taskId,
      async (batch) => {
        stall.moved();
        const fitting = (select ? batch.filter(select) : batch).slice(0, most - wanted);
        wanted += fitting.length;
        kept.push(...fitting);
        for (const { body } of fitting) bytes += body.length;
        if (bytes > MAX_KEPT_BYTES) await handOver();
        stall.moved();
      },
      { limit: window, skip },
    );
    await handOver();
    return looked;
  } finally {
    stall.end();
  }
}
