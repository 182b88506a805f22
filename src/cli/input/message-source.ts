import type { OutgoingMessage } from '../../index.ts';
import { CommandFailure } from '../command-failure.ts';
import type { ClientContext } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { openReplay, type ReplaySource } from '../replay/replay-source.ts';
import { hasTerminal } from '../terminal/prompts.ts';
import { askForMessage, composeMessage, type MessageParts } from './compose-message.ts';

/** What `enqueue` sends: a message, its parts, or a file. Without any of them, it asks. */
export interface MessageSourceOptions extends MessageParts {
  message?: string | undefined;
  from?: string;
  skip: number;
  limit?: number;
}

/** @throws CommandFailure (usage) if more than one is given, or if none is given and this is not a terminal */
export function checkMessageSource(options: MessageSourceOptions): void {
  const given = [options.message !== undefined, options.from !== undefined, hasParts(options)];
  const count = given.filter(Boolean).length;
  if (count > 1) {
    throw new CommandFailure(ExitCode.usage, 'Give only one of these: a message, its parts, or --from');
  }
  if (options.message === '-') {
    throw new CommandFailure(ExitCode.usage, '"-" is not a message', {
      hint: 'To read messages from standard input, one per line, use --from -.',
    });
  }
  if (count === 0 && !hasTerminal()) {
    throw new CommandFailure(ExitCode.usage, 'No message was given', {
      hint: 'Give one as JSON, or use --from FILE, or --from - for standard input.',
    });
  }
}

/**
 * @param context
 * @param taskId
 * @param options
 * @param checkMore an additional check, which throws if a message is unusable
 * @throws CommandFailure (usage), TaskQueueError `INVALID_MESSAGE` if a message is unusable
 */
export async function openMessageSource(
  context: ClientContext,
  taskId: string,
  { message, from, skip, limit, ...parts }: MessageSourceOptions,
  checkMore: (message: OutgoingMessage) => void,
): Promise<ReplaySource> {
  const { client, stop } = context;
  const { checkOutgoing, parseMessageInput } = await import('../../cli-support.ts');
  const check = (each: OutgoingMessage) => {
    checkOutgoing(each, client.maxMessageBytes);
    checkMore(each);
  };
  if (from !== undefined)
    return stop.race(openReplay(from, { skip, limit, check, settings: context.settings }));
  const asked = () => stop.race(askForMessage(context, taskId));
  const record = parseMessageInput(message ?? composeMessage(hasParts(parts) ? parts : await asked()));
  check(record);
  return { count: 1, messages: () => [{ ...record, name: 'the message' }], close: async () => {} };
}

function hasParts({ type, method, params, id }: MessageParts): boolean {
  return [type, method, params, id].some((part) => part !== undefined);
}
