import { Command, Option } from '@commander-js/extra-typings';
import type { StoredMessage } from '../../index.ts';
import { type ClientContext, withClient } from '../context.ts';
import { durationOption } from '../durations.ts';
import { describeWithExamples } from '../help-text.ts';
import { filterOption, type SelectionOptions, selectionOf } from '../input/select-messages.ts';
import { depthOrFail, emptyFailure } from '../missing-queue.ts';
import { wholeNumber } from '../numbers.ts';
import type { MessageWriter } from '../output/message-writer.ts';
import { type OutputFileOptions, openOutputFile, outputFileOptions } from '../output/output-file.ts';
import { startProgress } from '../output/progress.ts';
import { partialFailure } from '../partial-failure.ts';
import { rehearse } from '../rehearsal.ts';
import { runForMessage } from '../run-for-message.ts';
import { formatCount } from '../sizes.ts';

const DESCRIPTION = describeWithExamples(
  `Print the oldest messages of a task and remove them. A message is removed once it is written and safe: on disk
  for a file, taken over by the system for a pipe. What was not written stays in the queue.`,
  [
    ['mcp-taskq dequeue 786512e2', 'the next message'],
    [
      'mcp-taskq dequeue 786512e2 --all --out 786512e2.jsonl',
      'drain to a file, to replay it with enqueue --from',
    ],
    [
      'mcp-taskq dequeue 786512e2 --all --exec ./deliver.sh',
      'hand each over; removed if the script exits with 0',
    ],
    ['mcp-taskq dequeue 786512e2 --wait 30s', 'the next message, also if it comes only now'],
  ],
);

interface DequeueOptions extends OutputFileOptions, SelectionOptions {
  limit: number;
  all?: true;
  exec?: string;
  wait?: number;
  dryRun?: true;
}

export function dequeueCommand() {
  const command = new Command('dequeue')
    .description(DESCRIPTION)
    .argument('<task_id>')
    .option('-n, --limit <n>', 'how many (default: 1)', wholeNumber(1), 1)
    .option('--all', 'as many as there are at the start')
    .addOption(
      new Option(
        '--exec <command>',
        'run for each message: its body on standard input, MCP_TASKQ_* set',
      ).conflicts('out'),
    )
    .option('--wait <dur>', 'if there are not enough, wait this long for more', durationOption)
    .option('--dry-run', 'print what would be removed, and leave it');
  filterOption(command, 'take only these; the rest stays where it is');
  outputFileOptions(command);
  return command.action((taskId, options, self) =>
    withClient(self, (context) => dequeue(context, taskId, options), { stopsByItself: true }),
  );
}

async function dequeue(context: ClientContext, taskId: string, options: DequeueOptions): Promise<void> {
  const { client, stop } = context;
  const select = await selectionOf(options);
  const limit = options.all ? undefined : options.limit;
  if (options.dryRun) return rehearse(context, taskId, { limit, select, verb: 'removed' });
  const writer = options.exec === undefined ? await openOutput(context, options) : undefined;
  const depth = options.wait === undefined ? await stop.race(depthOrFail(client, taskId)) : undefined;
  const progress = await startProgress(Math.min(depth?.messages ?? 0, limit ?? Number.POSITIVE_INFINITY), {
    isOutputShown: options.exec !== undefined || (options.out === undefined && process.stdout.isTTY),
  });
  const handle = handlerFor(options, writer);
  let removed = 0;
  const drain = () =>
    client.drain(
      taskId,
      async (batch) => {
        await handle(batch);
        removed += batch.length;
        progress.update(removed);
      },
      {
        ...(limit !== undefined && { limit: limit - removed }),
        // A command handles one message, and that one is acknowledged.
        ...(options.exec !== undefined && { batchSize: 1 }),
        ...(select && { select }),
        signal: stop.signal,
      },
    );
  try {
    await drain();
    if (options.wait !== undefined) {
      await keepWaiting(context, taskId, options.wait, async () => {
        if (removed < (limit ?? Number.POSITIVE_INFINITY)) await drain();
        return removed < (limit ?? Number.POSITIVE_INFINITY);
      });
    }
    stop.signal.throwIfAborted();
    if (removed === 0 && !options.all) throw emptyFailure(taskId, options.filter);
    await writer?.end();
  } catch (error) {
    progress.end();
    if (removed > 0) await writer?.end().catch(() => {});
    throw partialFailure(context, error, removed, `removed from task ${taskId}`);
  }
  progress.end();
  if (options.all || options.out) summarizeDrain(context, taskId, removed, options.out);
}

function openOutput(context: ClientContext, options: DequeueOptions): Promise<MessageWriter> {
  return openOutputFile(context, options, { inFull: options.limit === 1 && !options.all });
}

function handlerFor({ exec }: DequeueOptions, writer: MessageWriter | undefined) {
  return async (batch: StoredMessage[]) => {
    if (exec === undefined) return writer?.write(batch);
    for (const message of batch) await runForMessage(exec, message);
  };
}

/** Lets `more` drain whenever something has come, until it answers false or nothing came for `waitMs`. */
async function keepWaiting(
  { settings, stop }: ClientContext,
  taskId: string,
  waitMs: number,
  more: () => Promise<boolean>,
): Promise<void> {
  const { RabbitMQTaskMessageQueue, isTaskQueueError } = await import('../../index.ts');
  const queue = new RabbitMQTaskMessageQueue(settings.connection);
  try {
    while (await more()) {
      await queue.waitForMessage(taskId, { timeoutMs: waitMs, signal: stop.signal });
    }
  } catch (error) {
    if (!(isTaskQueueError(error) && error.code === 'WAIT_TIMEOUT')) throw error;
  } finally {
    await queue.close();
  }
}

function summarizeDrain(
  { note }: ClientContext,
  taskId: string,
  removed: number,
  out: string | undefined,
): void {
  note(`Removed ${formatCount(removed, 'message')} from task ${taskId}${out ? `, now in ${out}` : ''}.`);
}
