import type { QueueKind } from '../../options/client-options.ts';
import type { ChannelLease } from '../connection/channel-lease.ts';

/**
 * No broker has a queue type of this name. RabbitMQ compares a declaration with the queue that is there before it looks
 * whether it could create one (rabbit_channel, queue.declare), so the answer is always a refusal: either it says in what
 * the queue that is there differs, or that there can be none like this.
 */
const NO_TYPE = 'mcp-taskq-no-such-type';

/** Not a priority either: the highest is 255. */
const NO_PRIORITY = 1_000;

type Arguments = Record<string, string | number | boolean>;

/**
 * Finds out by declarations that differ from every possible queue, as AMQP has no request for it. None of them can
 * create a queue, not even one that is deleted in between. Tried on RabbitMQ 3.10, 4.0 and 4.3.
 * @param attempt runs work on a channel of its own, as each refusal closes its channel; resolves to `undefined` if
 * the queue does not exist
 * @returns `undefined` if the queue does not exist
 */
export async function findQueueKind(
  queue: string,
  attempt: (
    work: (lease: ChannelLease) => Promise<Difference | undefined>,
  ) => Promise<Difference | undefined>,
): Promise<QueueKind | undefined> {
  const own: Arguments = {};
  const flags = { durable: true, autoDelete: false };
  const ownFlags: string[] = [];
  for (;;) {
    const difference = await declareImpossible({ ...own, 'x-queue-type': NO_TYPE });
    if (difference === undefined) return undefined;
    const { argument, current } = difference;
    const ownArguments = [...Object.keys(own), ...ownFlags];
    if (argument === 'x-queue-type') return queueKind(await kindOf(current), ownArguments);
    // With this one equal, the answer names the next difference.
    if (argument === 'durable' && flags.durable) flags.durable = false;
    else if (argument === 'auto_delete' && !flags.autoDelete) flags.autoDelete = true;
    else {
      const value = parseValue(current);
      if (value === undefined || argument in own) {
        return queueKind('other', [...new Set([...ownArguments, argument])]);
      }
      own[argument] = value;
      continue;
    }
    ownFlags.push(argument);
  }

  /**
   * If the queue's name left no room for its whole type in the text, a declaration as a classic queue shows whether it
   * is one.
   */
  async function kindOf(current: string | undefined): Promise<QueueKind['kind']> {
    if (current === 'none') return 'classic';
    const type = /^(?:the value )?'(\w+)'/.exec(current ?? '')?.[1];
    if (type === 'classic' || type === 'quorum' || type === 'stream') return type;
    if (type !== undefined) return 'other';
    const difference = await declareImpossible({
      ...own,
      'x-queue-type': 'classic',
      'x-max-priority': NO_PRIORITY,
    });
    return difference?.argument === 'x-queue-type' ? 'other' : 'classic';
  }

  function declareImpossible(args: Arguments): Promise<Difference | undefined> {
    return attempt(async (lease) => {
      try {
        await lease.request((channel) => channel.assertQueue(queue, { ...flags, arguments: args }));
      } catch (error) {
        const { code, message } = error as { code?: unknown; message?: unknown };
        if (code === 406 && typeof message === 'string') return differenceIn(message);
        throw error;
      }
      throw new Error(`RabbitMQ took a queue type ${JSON.stringify(args['x-queue-type'])}`);
    });
  }
}

function queueKind(kind: QueueKind['kind'], ownArguments: readonly string[]): QueueKind {
  return { kind, isPlain: kind === 'classic' && ownArguments.length === 0, ownArguments };
}

interface Difference {
  argument: string;
  /** As the broker describes it; missing or incomplete where the text is cut off, at 255 bytes. */
  current: string | undefined;
}

/**
 * rabbit_misc, assert_args_equivalence1. Any other 406 means that the queue does not exist: `invalid arg`, or on
 * 3.10 that a limit of the vhost allows no further one.
 */
function differenceIn(message: string): Difference | undefined {
  const [, argument] = /inequivalent arg '([^']+)'/.exec(message) ?? [];
  if (argument === undefined) return undefined;
  return { argument, current: /but current is (.*?)"?$/s.exec(message)?.[1] };
}

/** `the value '10' of type 'byte'`, as it has to be sent to be the same. */
function parseValue(current: string | undefined): Arguments[string] | undefined {
  const [, text, type] = /^the value '(.*)' of type '(\w+)'$/s.exec(current ?? '') ?? [];
  if (text === undefined) return undefined;
  if (type === 'longstr') return text;
  if (type === 'bool') return text === 'true';
  return /^-?\d+$/.test(text) ? Number(text) : undefined;
}
