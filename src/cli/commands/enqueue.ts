import { randomUUID } from 'node:crypto';
import { Command, InvalidArgumentError, Option } from '@commander-js/extra-typings';
import type { OutgoingMessage } from '../../index.ts';
import { CommandFailure } from '../command-failure.ts';
import type { ClientContext } from '../context.ts';
import { ExitCode, getExitCode } from '../exit-codes.ts';
import { type CommandHelp, explain } from '../help/command-help.ts';
import { COMPOSABLE_TYPES } from '../input/compose-message.ts';
import { notBlank, type OptionsOf, wholeNumber } from '../input/option-values.ts';
import { printDone, printResult } from '../output/result-line.ts';
import { thisCommand } from '../output/this-command.ts';
import { depthOrFail } from '../queues/missing-queue.ts';
import { completed, type MessageIds } from '../replay/complete-messages.ts';
import { Destination } from '../replay/destination.ts';
import { checkMessageSource, openMessageSource } from '../replay/message-source.ts';
import { paced, rateOption, speedOption } from '../replay/pacing.ts';
import { type PipelineResult, publishInOrder } from '../replay/pipelined-publish.ts';
import { startProgress } from '../terminal/progress.ts';
import { standardError } from '../terminal/standard-error.ts';
import { formatCount, formatNumber } from '../text/sizes.ts';
import { UsageFailure } from '../usage-failure.ts';
import { withClient } from '../with-context.ts';

const HELP: CommandHelp = {
  description: `Add messages to a task. The broker confirms each one as stored; anything else is an error. A message is a JSON-RPC
    message, a queued MCP message, or a record as peek and dequeue print it, which is sent with the same bytes and
    properties. A file is checked completely before anything is sent.`,
  examples: [
    [`mcp-taskq enqueue 786512e2 --method ping --id 1`, 'a message from its parts'],
    ['mcp-taskq enqueue 786512e2 --from drained.jsonl', 'replay what was drained'],
    ['mcp-taskq enqueue 786512e2', 'prompt for the message'],
  ],
  statuses: '3 some added, 5 no such task queue (--no-create), 8 declined',
};

/** The header that `--mark` adds. */
const REPLAY_HEADER = 'x-mcp-taskq-replayed-at';

function declare() {
  return explain(new Command('enqueue'), HELP)
    .argument('<task_id>')
    .argument('[message]')
    .optionsGroup('A message from its parts:')
    .addOption(
      new Option('--type <type>', 'request or notification (default: request with --id)').choices(
        COMPOSABLE_TYPES,
      ),
    )
    .option('--method <name>', 'JSON-RPC method', notBlank)
    .option('--params <json>', 'JSON-RPC params')
    .option('--id <id>', 'request id (without it, a notification)', notBlank)
    .optionsGroup('Many messages:')
    .option('--from <file>', 'read messages from a file, one per line; - for stdin', notBlank)
    .option('--skip <n>', 'skip the first n messages', wholeNumber(0), 0)
    .option('--limit <n>', 'send at most n messages', wholeNumber(1))
    .option('--id-prefix <text>', 'message_id of new messages: <text>-<n>', idPrefixOption)
    .option('--rate <n/s>', 'send at most n messages per second', rateOption)
    .option('--keep-timing', 'keep the original intervals between messages')
    .option('--speed <x>', 'with --keep-timing, divide the intervals by x', speedOption, 1)
    .optionsGroup('How to send:')
    .option('--header <name=value>', 'add an AMQP header; may be repeated', headerOption, {})
    .option('--no-create', 'fail if the task has no queue, instead of creating it')
    .option('--keep-expiration', 'keep the expiration property; it restarts now')
    .option('--mark', `add the header ${REPLAY_HEADER}`)
    .option('--dry-run', 'check the messages, but send nothing');
}

type EnqueueOptions = OptionsOf<typeof declare> & { message: string | undefined };

export function enqueueCommand() {
  return declare().action((taskId, message, options, self) =>
    withClient(self, (context) => enqueue(context, taskId, { ...options, message })),
  );
}

async function enqueue(context: ClientContext, taskId: string, options: EnqueueOptions): Promise<void> {
  checkMessageSource(options);
  checkManyOptions(options);
  const headers = { ...options.header, ...(options.mark && { [REPLAY_HEADER]: new Date().toISOString() }) };
  const { client, stop } = context;
  // Connects while the messages are being checked. Errors in them come first, even if the broker cannot be reached.
  const connecting = options.dryRun ? undefined : client.connect('publish');
  connecting?.catch(() => {});
  const isWatched = !options.dryRun && options.create && standardError().isTTY === true;
  // Looked up before the first message creates the queue; reported while publishing.
  const present = isWatched ? client.depth(taskId).catch(() => null) : null;
  const source = await openMessageSource(context, taskId, options, (message) =>
    checkHeaders(message, headers),
  );
  try {
    if (options.dryRun) {
      // Without this, a broker is not needed.
      if (!options.create) await stop.race(depthOrFail(context, taskId));
      return await reportDryRun(context, taskId, source.count);
    }
    // The pace starts only once messages can be sent.
    await stop.race(connecting);
    if (source.count === 0) context.note(nothingToAdd(options));
    else if ((await stop.race(present)) === undefined) {
      context.note(`Task ${JSON.stringify(taskId)} has no queue yet; this creates one.`);
    }
    // Ends the pause before the next message.
    const failed = new AbortController();
    const pausing = AbortSignal.any([stop.signal, failed.signal]);
    const { from, skip, idPrefix = randomUUID() } = options;
    const ids = from === undefined ? undefined : { prefix: idPrefix, skipped: skip, areUsed: false };
    const messages = completed(paced(source.messages(), options, pausing), headers, ids);
    const progress = startProgress(source.count, { isOutputShown: false });
    // The file still has what a limit of the queue drops, so that is only noted.
    const opened = from === undefined ? undefined : Destination.open(context, taskId, { isForced: true });
    const destination = await stop.race(opened?.catch(() => undefined));
    const result = await publishInOrder(client, taskId, messages, {
      create: options.create,
      keepExpiration: options.keepExpiration,
      signal: stop.signal,
      onFailure: () => failed.abort(),
      onProgress: progress.update,
    });
    progress.end();
    await result.report.print(context);
    destination?.add(result.confirmed);
    if (result.error !== undefined) {
      result.unsure += (await destination?.mayHave(result.rejected)) ?? result.rejected;
      // A limit that was set meanwhile may also have dropped what was there.
      if (result.rejected > 0) await destination?.end();
      throw interrupted(context, taskId, source.count, result, ids, options);
    }
    await destination?.end();
    if (result.refused.count > 0) throw refusal(taskId, source.count, result);
  } finally {
    await source.close();
  }
  const { count } = source;
  await printDone(context, `Added ${formatCount(count, 'message')} to task ${taskId}.`, {
    task_id: taskId,
    enqueued: count,
  });
}

/** Options that would change nothing. */
function checkManyOptions({ from, skip, limit, idPrefix, rate, keepTiming, speed }: EnqueueOptions): void {
  const many = { skip, limit, 'id-prefix': idPrefix, rate, 'keep-timing': keepTiming };
  const [unused] = from === undefined ? Object.entries(many).filter(([, value]) => value) : [];
  if (unused !== undefined) throw new UsageFailure(`--${unused[0]} needs --from FILE`);
  if (speed !== 1 && !keepTiming) throw new UsageFailure('--speed needs --keep-timing');
}

function nothingToAdd({ from, skip }: EnqueueOptions): string {
  const input = from === '-' ? 'Standard input' : from;
  return skip === 0
    ? `${input} has no messages.`
    : `${input} has no messages after the first ${skip === 1 ? 'one' : formatNumber(skip)}.`;
}

function reportDryRun(context: ClientContext, taskId: string, count: number): Promise<void> {
  const sentence = `Checked ${formatCount(count, 'message')} for task ${taskId}; nothing was sent.`;
  return printResult(context, sentence, { task_id: taskId, enqueued: 0, would_enqueue: count });
}

function checkHeaders({ propertyList }: OutgoingMessage, headers: { [name: string]: string }): void {
  if (propertyList === undefined || Object.keys(headers).length === 0) return;
  throw new UsageFailure(
    'cannot add a header: the properties are nested too deeply, or have a type that AMQP does not support',
  );
}

/** The error if all messages were published except those that were refused. */
function refusal(taskId: string, count: number, { confirmed, refused }: PipelineResult): unknown {
  if (count === 1) return refused.firstError;
  return new CommandFailure(
    confirmed === 0 ? ExitCode.failed : ExitCode.partly,
    `${refused.describe()}\n${formatNumber(confirmed)} of ${formatCount(count, 'message')} added to task ${taskId}`,
    { cause: refused.firstError },
  );
}

/** How far it got, and the command that resumes. */
function interrupted(
  { note }: ClientContext,
  taskId: string,
  count: number,
  { answered, confirmed, confirmedBehind, unsure, refused, error }: PipelineResult,
  ids: MessageIds | undefined,
  { from, skip, limit }: EnqueueOptions,
): unknown {
  const isStopped = getExitCode(error) >= ExitCode.timedOut;
  if (from === undefined || (count === 1 && confirmed === 0)) {
    if (isStopped && unsure > 0)
      note(`Stopped: the message may be in task ${taskId}; peek before sending it again.`);
    return error;
  }
  const far = [
    `${formatNumber(confirmed - confirmedBehind)} of ${formatCount(count, 'message')} added to task ${taskId}`,
    confirmedBehind > 0 &&
      `${formatNumber(confirmedBehind)} of the messages after them were added too, and will be duplicated`,
    unsure > 0 && `up to ${formatNumber(unsure)} more may have been added, and would be duplicated`,
  ];
  const without = refused.count === 0 ? '' : `\n${refused.describe()}`;
  const done = `${far.filter((each) => each !== false).join('; ')}.${without}`;
  const hint = `To resume: ${thisCommand({
    '--skip': String(skip + answered),
    ...(limit !== undefined && { '--limit': String(limit - answered) }),
    ...(ids?.areUsed && confirmedBehind + unsure > 0 && { '--id-prefix': ids.prefix }),
  })}`;
  if (isStopped) {
    note(`Stopped: ${done}\n${hint}`);
    return error;
  }
  if (confirmed + unsure === 0) return error;
  return new CommandFailure(
    confirmed === 0 ? ExitCode.failed : ExitCode.partly,
    `${(error as Error).message}. ${done}`,
    { cause: error, hint },
  );
}

/** Leaves room for a number: a message id has at most 255 bytes. */
const MAX_PREFIX_BYTES = 200;

function idPrefixOption(text: string): string {
  if (Buffer.byteLength(notBlank(text)) > MAX_PREFIX_BYTES)
    throw new InvalidArgumentError(`Use at most ${MAX_PREFIX_BYTES} bytes.`);
  return text;
}

function headerOption(text: string, previous: { [name: string]: string }): { [name: string]: string } {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('Use NAME=VALUE.');
  return { ...previous, [text.slice(0, equals)]: text.slice(equals + 1) };
}
