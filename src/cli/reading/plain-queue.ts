import { hasCode } from '../../cli-shared.ts';
import type { QueueKind } from '../../index.ts';
import { CommandFailure } from '../command-failure.ts';
import type { ClientContext } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { taskCommand } from '../output/this-command.ts';
import { describeInTime } from '../queues/describe-in-time.ts';

/**
 * Looking at a message means taking and requeueing it. If that has side effects, they are reported, or the command
 * refuses.
 */
const CHANGES: Record<QueueKind['kind'], { is: string; what: string } | undefined> = {
  // A look has no side effects.
  classic: undefined,
  quorum: {
    is: 'a quorum queue',
    what: 'RabbitMQ 4 counts each look towards the delivery limit (default: 20), and drops a message that exceeds it',
  },
  stream: { is: 'a stream', what: 'it cannot be read like a queue' },
  other: { is: 'of an unknown type', what: 'looking at its messages may reorder or drop them' },
};

/** Description of `--force` where only a filter looks at messages that it leaves in place. */
export const FORCE_FILTER = 'with a filter: allow quorum queues, where each look counts as a delivery';

/** With these limits, a requeued message may be dropped if other messages have filled the queue in the meantime. */
const LIMITS = ['x-max-length', 'x-max-length-bytes'];

export interface PlainQueueOptions {
  force?: boolean | undefined;
  mayForce?: boolean;
  isEmpty?: boolean;
  /** A filter may look at a queue of which nobody can say what it is; a note says so. */
  mayBeUnknown?: boolean;
}

/**
 * Ensures that a task's messages can be looked at without losing any.
 * @param options `force` continues anyway and reports the side effects, if the command `mayForce`; `isEmpty` means that the queue was counted as
 * empty
 * @throws CommandFailure (1) for a queue that might lose messages, or whose messages cannot be looked at
 */
export async function requirePlainQueue(
  context: Pick<ClientContext, 'client' | 'note' | 'settings'>,
  taskId: string,
  { force = false, mayForce = true, isEmpty = false, mayBeUnknown = false }: PlainQueueOptions = {},
): Promise<void> {
  const { client, note } = context;
  const kind = await findKind(context, taskId, { force: force || isEmpty, mayForce, mayBeUnknown });
  // An empty queue needs no look. A stream, however, always counts as empty.
  if (kind === undefined || (isEmpty && kind.kind !== 'stream')) return;
  const queue = `The queue of task ${JSON.stringify(taskId)}`;
  if (kind.ownArguments.includes('x-single-active-consumer')) {
    const { consumers = 0 } = (await client.depth(taskId)) ?? {};
    if (consumers > 0) {
      throw new CommandFailure(
        ExitCode.failed,
        `${queue} has a single active consumer, which receives all its messages: they cannot be peeked at`,
        {
          hint: `"${taskCommand('watch', taskId)}" shows new messages; to peek, stop the consumer.`,
        },
      );
    }
  }
  // With an overflow of its own it rejects messages instead, and drops none.
  const mayDrop = !kind.ownArguments.includes('x-overflow');
  const limit = mayDrop ? kind.ownArguments.find((name) => LIMITS.includes(name)) : undefined;
  const change =
    CHANGES[kind.kind] ??
    (limit && {
      is: `limited by ${limit}`,
      what: 'a message requeued while the queue is full may be dropped',
    });
  if (!change) return;
  if (force && kind.kind !== 'stream') {
    note(`${queue} is ${change.is}: ${change.what}.`);
    return;
  }
  const drain = taskCommand('dequeue', taskId, ['--all', '--out', 'FILE']);
  const others = `"${taskCommand('watch', taskId)}" only follows events; "${drain}" drains to a file`;
  throw new CommandFailure(ExitCode.failed, `${queue} is ${change.is}: ${change.what}`, {
    hint:
      kind.kind === 'stream'
        ? 'Use a stream client.'
        : mayForce
          ? `${others}; --force looks anyway.`
          : `${others}.`,
  });
}

/** `undefined` if the queue does not exist, or if its type is unknown and `force` is set. */
async function findKind(
  { client, settings, note }: Pick<ClientContext, 'client' | 'settings' | 'note'>,
  taskId: string,
  { force, mayForce, mayBeUnknown }: { force: boolean; mayForce: boolean; mayBeUnknown: boolean },
): Promise<Pick<QueueKind, 'kind' | 'ownArguments'> | undefined> {
  try {
    return await client.queueKind(taskId);
  } catch (error) {
    if (!hasCode(error, 'ACCESS_REFUSED')) throw error;
    const type = await typeFromApi(settings, taskId);
    if (type !== undefined) return { kind: type, ownArguments: [] };
    if (force) return undefined;
    if (mayBeUnknown) {
      note(
        `Whether task ${JSON.stringify(taskId)} has a quorum queue, where each look counts, is not known without configure permission.`,
      );
      return undefined;
    }
    throw new CommandFailure(ExitCode.refused, error.message, {
      cause: error,
      hint: `Checking the queue type needs configure permission, or the management API.${mayForce ? ' If you know it is a classic queue, use --force.' : ''}`,
    });
  }
}

/** The management API gives the type even to a user without configure permission. */
async function typeFromApi(
  settings: ClientContext['settings'],
  taskId: string,
): Promise<QueueKind['kind'] | undefined> {
  const { type } = (await describeInTime(settings, taskId)) ?? {};
  return type === 'classic' || type === 'quorum' || type === 'stream' ? type : undefined;
}
