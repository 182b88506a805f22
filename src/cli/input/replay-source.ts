import type { MessageRecord } from '../../index.ts';
import { CommandFailure } from '../command-failure.ts';
import { ExitCode } from '../exit-codes.ts';
import { type InputLine, type LineSource, openLines } from './input-lines.ts';

/** Messages from a file, all of them known to be usable. */
export interface ReplaySource {
  count: number;
  messages(): Iterable<MessageRecord> | AsyncIterable<MessageRecord>;
  /** Forgets what was kept of it. */
  close(): Promise<void>;
}

export interface ReplayRange {
  /** Messages, not lines: empty lines count for nothing. */
  skip: number;
  limit: number | undefined;
  maxMessageBytes: number;
}

/** What was read for the check is kept up to this size, so that most files are read and parsed once. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024;

/** Enough to see what is wrong with a file. */
const MAX_REPORTED = 5;

/**
 * Reads a file of messages once, to check all of it.
 * @throws CommandFailure (usage) with the numbers of the lines that are no messages
 */
export async function openReplay(from: string, range: ReplayRange): Promise<ReplaySource> {
  const { parseMessageInput } = await import('../../index.ts');
  const source = await openLines(from);
  const parse = (line: InputLine) => parseLine(line, parseMessageInput, range.maxMessageBytes);
  try {
    const { count, kept } = await checkAll(source, parse);
    return {
      count: Math.max(0, Math.min(count - range.skip, range.limit ?? count)),
      messages: () =>
        kept
          ? kept.slice(range.skip, range.limit && range.skip + range.limit)
          : select(parseAll(source, parse), range),
      close: source.close,
    };
  } catch (error) {
    await source.close();
    throw error;
  }
}

type Parse = (line: InputLine) => MessageRecord;

/** @returns how many messages there are, and the messages themselves unless there is too much of them */
async function checkAll(
  source: LineSource,
  parse: Parse,
): Promise<{ count: number; kept: MessageRecord[] | undefined }> {
  const problems: string[] = [];
  let kept: MessageRecord[] | undefined = [];
  let bytes = 0;
  let count = 0;
  let bad = 0;
  let isUnfinished = false;
  for await (const lines of source.lines()) {
    for (const line of lines) {
      if (isBlank(line)) continue;
      try {
        const record = parse(line);
        count++;
        bytes += line.text.length;
        if (bytes > MAX_KEPT_BYTES) kept = undefined;
        kept?.push(record);
      } catch (error) {
        bad++;
        isUnfinished = line.isUnfinished;
        if (bad <= MAX_REPORTED) problems.push(`line ${line.number}: ${(error as Error).message}`);
      }
    }
  }
  if (bad === 0) return { count, kept };
  if (bad > MAX_REPORTED) problems.push(`and ${bad - MAX_REPORTED} more`);
  throw new CommandFailure(
    ExitCode.usage,
    `Nothing was sent, since ${source.name} has lines that are no messages\n  ${problems.join('\n  ')}`,
    {
      hint: isUnfinished
        ? 'The last line has no end: a drain was interrupted there, and that message is still in its queue. Remove the line.'
        : 'Each line is one message: a record, a queued message or JSON-RPC ("jq -c" puts one on a line).',
    },
  );
}

async function* parseAll(source: LineSource, parse: Parse): AsyncGenerator<MessageRecord> {
  for await (const lines of source.lines()) {
    for (const line of lines) if (!isBlank(line)) yield parse(line);
  }
}

async function* select(
  records: AsyncIterable<MessageRecord>,
  { skip, limit = Number.POSITIVE_INFINITY }: ReplayRange,
): AsyncGenerator<MessageRecord> {
  let index = 0;
  for await (const record of records) {
    if (index >= skip + limit) return;
    if (index++ >= skip) yield record;
  }
}

function parseLine(
  { text }: InputLine,
  parseMessageInput: (line: Buffer) => MessageRecord,
  maxMessageBytes: number,
): MessageRecord {
  const record = parseMessageInput(text);
  if (record.body.length > maxMessageBytes) {
    throw new Error(`its body has ${record.body.length} bytes, and the most is ${maxMessageBytes}`);
  }
  return record;
}

function isBlank({ text }: InputLine): boolean {
  return text.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
