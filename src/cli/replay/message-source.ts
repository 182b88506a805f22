import { existsSync } from 'node:fs';
import { hasCode } from '../../cli-shared.ts';
import type { OutgoingMessage, TaskQueueClient } from '../../index.ts';
import type { ClientContext } from '../context.ts';
import { askForMessage, composeMessage, type MessageParts } from '../input/compose-message.ts';
import { hasTerminal } from '../terminal/prompts.ts';
import { formatNumber } from '../text/sizes.ts';
import { UsageFailure } from '../usage-failure.ts';
import { openReplay, type ReplaySource } from './replay-source.ts';

/** What `enqueue` sends: a message, its parts, or a file. Without any of them, it asks. */
export interface MessageSourceOptions extends MessageParts {
  message?: string | undefined;
  from?: string;
  skip: number;
  limit?: number;
  dryRun?: true;
}

/** @throws UsageFailure if more than one is given, or if none is given and this is not a terminal */
export function checkMessageSource(options: MessageSourceOptions): void {
  const given = [options.message !== undefined, options.from !== undefined, hasParts(options)];
  const count = given.filter(Boolean).length;
  if (count > 1) {
    throw new UsageFailure('Give only one of these: a message, its parts, or --from');
  }
  if (options.message === '-') {
    throw new UsageFailure(
      '"-" is not a message',
      'To read messages from standard input, one per line, use --from -.',
    );
  }
  if (options.message !== undefined && existsSync(options.message)) {
    throw new UsageFailure(
      `${JSON.stringify(options.message)} is a file, not a message`,
      'To send the messages in a file, use --from.',
    );
  }
  if (count === 0 && !hasTerminal()) {
    throw new UsageFailure(
      'No message was given',
      'Give one as JSON, or use --from FILE, or --from - for standard input.',
    );
  }
}

/**
 * @param checkMore an additional check, which throws if a message is unusable
 * @throws UsageFailure, TaskQueueError `INVALID_MESSAGE` if a message is unusable
 */
export async function openMessageSource(
  context: ClientContext,
  taskId: string,
  { message, from, skip, limit, dryRun, ...parts }: MessageSourceOptions,
  checkMore: (message: OutgoingMessage) => void,
): Promise<ReplaySource> {
  const { client, stop } = context;
  const { checkOutgoing, parseMessageInput } = await import('../../cli-support.ts');
  let largest: Buffer = Buffer.alloc(0);
  const check = (each: OutgoingMessage) => {
    checkOutgoing(each, client.maxMessageBytes);
    checkMore(each);
    if (each.body.length > largest.length) largest = each.body;
  };
  const open = async () => {
    if (from !== undefined) return openReplay(from, { taskId, skip, limit, check });
    const asked = () => stop.race(askForMessage(context, taskId));
    const record = parseMessageInput(message ?? composeMessage(hasParts(parts) ? parts : await asked()));
    check(record);
    return { count: 1, messages: () => [{ ...record, name: 'the message' }], close: async () => {} };
  };
  const source = await stop.race(open());
  if (largest.length > SURELY_ACCEPTED_BYTES && !dryRun) {
    try {
      await stop.race(requireAccepted(client, largest));
    } catch (error) {
      await source.close();
      throw error;
    }
  }
  return source;
}

/** The lowest default of RabbitMQ's max_message_size, that of RabbitMQ 4. */
const SURELY_ACCEPTED_BYTES = 16 * 1024 * 1024;

/**
 * RabbitMQ says its limit to nobody. It checks a message before it looks for the queue, so one for a queue that does not
 * exist shows whether the broker takes bodies of this size.
 * @throws UsageFailure if it does not
 */
async function requireAccepted(client: TaskQueueClient, body: Buffer): Promise<void> {
  try {
    await client.publish(`size-check-${crypto.randomUUID()}`, { body }, { create: false });
  } catch (error) {
    if (hasCode(error, 'QUEUE_NOT_FOUND')) return;
    if (!hasCode(error, 'MESSAGE_TOO_LARGE')) throw error;
    const bytes = formatNumber(body.length);
    throw new UsageFailure(
      `The largest body is ${bytes} bytes, more than RabbitMQ accepts; nothing was sent`,
      'Raise max_message_size in rabbitmq.conf, or send a reference instead.',
      error,
    );
  }
}

function hasParts({ type, method, params, id }: MessageParts): boolean {
  return [type, method, params, id].some((part) => part !== undefined);
}
