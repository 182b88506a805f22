import { Command, Option } from '@commander-js/extra-typings';
import type { StoredMessage } from '../../index.ts';
import { CommandFailure } from '../command-failure.ts';
import { type ClientContext, withClient } from '../context.ts';
import { durationOption } from '../durations.ts';
import { ExitCode } from '../exit-codes.ts';
import { describeWithExamples } from '../help-text.ts';
import type { MessageWriter } from '../message-writer.ts';
import { depthOrFail, emptyFailure } from '../missing-queue.ts';
import { wholeNumber } from '../numbers.ts';
import { type OutputFileOptions, openOutputFile, outputFileOptions } from '../output-file.ts';
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

interface DequeueOptions extends OutputFileOptions {
  limit: number;
  all?: true;
  exec?: string;
  wait?: number;
  dryRun?: true;
}

export function dequeueCommand() {
  const command = new Command('dequeue')
    .summary('print messages and remove them, also all of them (drain)')
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
  outputFileOptions(command);
  return command.action((taskId, options, self) =>
    withClient(self, (context) => dequeue(context, taskId, options), { stopsByItself: true }),
  );
}

async function dequeue(context: ClientContext, taskId: string, options: DequeueOptions): Promise<void> {
  if (options.dryRun) return rehearse(context, taskId, options);
  const { client, stop } = context;
  const writer = options.exec === undefined ? await openOutput(context, options) : undefined;
  if (options.wait === undefined) await stop.race(depthOrFail(client, taskId));
  let removed = 0;
  const drain = async (limit: number | undefined) => {
    const batchSize = options.exec === undefined ? undefined : 1;
    const handle = handlerFor(options, writer);
    const count = await client.drain(
      taskId,
      async (batch) => {
        await handle(batch);
        removed += batch.length;
      },
      { ...(limit && { limit }), ...(batchSize && { batchSize }), signal: stop.signal },
    );
    return count;
  };
  try {
    await drain(options.all ? undefined : options.limit);
    if (options.wait !== undefined) {
      await keepWaiting(context, taskId, options.wait, async () => {
        if (!options.all && removed >= options.limit) return false;
        await drain(options.all ? undefined : options.limit - removed);
        return options.all === true || removed < options.limit;
      });
    }
    stop.signal.throwIfAborted();
    if (removed === 0 && !options.all) throw emptyFailure(taskId);
    await writer?.end();
    if (options.all || options.out) summarizeDrain(context, taskId, removed, options.out);
  } catch (error) {
    throw removed === 0 ? error : await partialFailure(context, taskId, removed, error, writer);
  }
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
    if (!(isTaskQueueError(error) && error.code === 'TIMEOUT')) throw error;
  } finally {
    await queue.close();
  }
}

async function rehearse(context: ClientContext, taskId: string, options: DequeueOptions): Promise<void> {
  const { client, note, stop } = context;
  const { MAX_PEEK } = await import('../../index.ts');
  const depth = await stop.race(depthOrFail(client, taskId));
  const wanted = options.all ? depth.messages : Math.min(options.limit, depth.messages);
  const messages = await stop.race(client.peek(taskId, { limit: Math.min(Math.max(wanted, 1), MAX_PEEK) }));
  if (messages.length === 0 && !options.all) throw emptyFailure(taskId);
  const writer = await openOutputFile(context, {}, { inFull: wanted === 1 });
  if (messages.length > 0) await writer.write(messages);
  await writer.end();
  note(`${formatCount(wanted, 'message')} would be removed from task ${taskId}; nothing was (--dry-run).`);
}

function summarizeDrain(
  { note }: ClientContext,
  taskId: string,
  removed: number,
  out: string | undefined,
): void {
  note(`Removed ${formatCount(removed, 'message')} from task ${taskId}${out ? `, now in ${out}` : ''}.`);
}

/** Says how far it came. What the failure was about is still in the queue. */
async function partialFailure(
  context: ClientContext,
  taskId: string,
  removed: number,
  error: unknown,
  writer: MessageWriter | undefined,
): Promise<unknown> {
  const failure = error instanceof CommandFailure ? error : undefined;
  // The reader has gone: it has what it wanted.
  if (failure?.exitCode === ExitCode.done) return error;
  await writer?.end().catch(() => {});
  const done = `${formatCount(removed, 'message')} of task ${taskId} ${removed === 1 ? 'was' : 'were'} removed before`;
  if (failure && failure.exitCode >= ExitCode.timedOut) {
    context.note(`Stopped: ${done}; the rest is still in the queue.`);
    return error;
  }
  const { message, hint } = error as { message: string; hint?: string };
  return new CommandFailure(ExitCode.partly, `${message}. ${done}; the rest is still in the queue.`, {
    cause: error,
    hint,
  });
}
