import type { OutgoingMessage } from '../../index.ts';
import { CommandFailure } from '../command-failure.ts';
import { ExitCode } from '../exit-codes.ts';
import { type InputLine, type LineSource, openLines } from '../input/input-lines.ts';
import { isOneALine as hasOneALine, jsonValues } from '../input/json-values.ts';
import { requireFinished } from '../output/drain-marker.ts';
import { isHalfRecord } from '../output/last-line.ts';
import { taskCommand } from '../output/this-command.ts';
import { shellWords } from '../text/shell-words.ts';
import { UsageFailure } from '../usage-failure.ts';
import { Origins } from './origins.ts';
import type { NamedMessage } from './pipelined-publish.ts';

/** Messages from a file, all of which have been checked. */
export interface ReplaySource {
  count: number;
  messages(): Iterable<NamedMessage> | AsyncIterable<NamedMessage>;
  /** Discards the temporary copy, if any. */
  close(): Promise<void>;
}

export interface ReplayRange {
  /** The task to send to. */
  taskId: string;
  /** Counted in messages; empty lines do not count. */
  skip: number;
  limit: number | undefined;
  /** @throws an error if the message is unusable */
  check: (message: OutgoingMessage) => void;
}

/**
 * At most this many messages are kept after the check, so that most files are parsed only once. Each takes about 1 KB in
 * addition to its text.
 */
const MAX_KEPT = 50_000;
const MAX_KEPT_BYTES = 16 * 1024 * 1024;

/** Enough to see the problem of a file. */
const MAX_REPORTED = 5;

/**
 * Reads a file of messages once, to check all of it.
 * @throws UsageFailure with the numbers of the invalid lines; if a drain into the file has not ended; if
 * messages of several tasks would be sent
 */
export async function openReplay(from: string, range: ReplayRange): Promise<ReplaySource> {
  const { parseMessageInput } = await import('../../cli-support.ts');
  const { taskId, skip, limit = Number.POSITIVE_INFINITY } = range;
  // A shell's `<` gives the standard input a file too.
  const requireWhole = () => requireFinished(from === '-' ? '/dev/stdin' : from, 'Nothing was sent');
  await requireWhole();
  const text = await openLines(from);
  const parse: Parse = (line) => {
    const message = parseMessageInput(line.text);
    range.check(message);
    return { ...message, name: `line ${line.number}` };
  };
  try {
    const source = (await hasOneALine(text)) ? text : { ...text, lines: () => jsonValues(text) };
    const origins = new Origins();
    const { count, kept } = await checkAll(
      source,
      (line, index) => {
        const message = parse(line);
        if (index >= skip && index < skip + limit) origins.add(message.taskId);
        return message;
      },
      source === text,
    );
    // A drain may have begun meanwhile: what was read of it may still be in its queue.
    await requireWhole();
    if (origins.areSeveral) throw origins.refusal(source, taskId, source === text);
    const end = Math.min(count, skip + limit);
    return {
      count: Math.max(0, end - skip),
      messages: () => kept?.slice(skip, end) ?? readAgain(source, parse, skip, end),
      close: text.close,
    };
  } catch (error) {
    await text.close();
    throw error;
  }
}

type Parse = (line: InputLine) => NamedMessage & { taskId?: string | undefined };

/** @returns the number of messages, and the messages themselves unless they take too much memory */
async function checkAll(
  source: LineSource,
  parse: (line: InputLine, index: number) => NamedMessage,
  isOneALine: boolean,
): Promise<{ count: number; kept: NamedMessage[] | undefined }> {
  const problems: string[] = [];
  let kept: NamedMessage[] | undefined = [];
  let bytes = 0;
  let count = 0;
  let bad = 0;
  let unfinished: InputLine | undefined;
  let advice: string | undefined;
  for await (const lines of source.lines()) {
    for (const line of lines) {
      if (isBlank(line)) continue;
      try {
        const record = parse(line, count);
        count++;
        bytes += line.text.length;
        if (count > MAX_KEPT || bytes > MAX_KEPT_BYTES) kept = undefined;
        kept?.push(record);
      } catch (error) {
        bad++;
        advice ??= (error as { hint?: string }).hint;
        // Any other incomplete line is not known to be in a queue.
        if (line.isUnfinished && isHalfRecord(line.text)) unfinished = line;
        if (bad <= MAX_REPORTED) problems.push(`line ${line.number}: ${(error as Error).message}`);
      }
    }
  }
  if (bad === 0) return { count, kept };
  if (bad > MAX_REPORTED) problems.push(`and ${bad - MAX_REPORTED} more`);
  throw new UsageFailure(
    `Nothing was sent: ${source.name} has invalid lines\n  ${problems.join('\n  ')}`,
    unfinished === undefined || !isOneALine
      ? (advice ??
          'A message is a record, a queued message or JSON-RPC. Give one per line, or an array of them.')
      : unfinishedHint(source, unfinished),
  );
}

/** The hint for an incomplete last line, as a killed drain leaves it. The task id is taken from the line itself. */
function unfinishedHint({ path }: LineSource, { text, offset }: InputLine): string {
  const why =
    'The last line is incomplete. If this is a copy, copy it again. If a drain was interrupted there, its message is ' +
    'still in the queue.';
  if (path === undefined) return `${why} Leave the line out.`;
  const task = /^\{"task_id":("(?:[^"\\]|\\.)*")/.exec(text.toString())?.[1];
  const drain =
    task === undefined
      ? ''
      : ` Drain the rest, which repairs the file: ${taskCommand('dequeue', JSON.parse(task), ['--all', '--out', path, '--append'])}`;
  return `${why}${drain}${drain && '; or l'}${drain ? '' : ' L'}eave it out: head -c ${offset} ${shellWords([path])} | mcp-taskq enqueue … --from -`;
}

/**
 * Reads a range of messages again from a checked source.
 * @throws CommandFailure if the source has changed
 */
async function* readAgain(
  source: LineSource,
  parse: Parse,
  first: number,
  end: number,
): AsyncGenerator<NamedMessage> {
  const changed = (cause?: unknown) =>
    new CommandFailure(ExitCode.failed, `${source.name} has changed since it was checked`, { cause });
  let index = 0;
  try {
    for await (const lines of source.lines()) {
      for (const line of lines) {
        if (index >= end) return;
        if (isBlank(line) || index++ < first) continue;
        yield parse(line);
      }
    }
  } catch (error) {
    throw changed(error);
  }
  if (index < end) throw changed();
}

function isBlank({ text }: InputLine): boolean {
  return text.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
