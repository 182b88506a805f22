import { hasCode } from '../../cli-shared.ts';
import type { QueueKind } from '../../index.ts';
import { CommandFailure } from '../command-failure.ts';
import type { ClientContext } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { taskCommand } from '../output/this-command.ts';
import { describeInTime } from '../queues/describe-in-time.ts';
import { streamFailure } from '../queues/missing-queue.ts';
import { formatNumber } from '../text/sizes.ts';

/**
 * Looking at a message means taking and requeueing it. If that has side effects, they are reported, or the command
 * refuses.
 */
const CHANGES: Record<Exclude<QueueKind['kind'], 'stream'>, { is: string; what: string } | undefined> = {
  // A look has no side effects.
  classic: undefined,
  quorum: {
    is: 'a quorum queue',
    what: 'RabbitMQ 4 counts each look towards the delivery limit (default: 20), and drops a message that exceeds it',
  },
  other: { is: 'of an unknown type', what: 'looking at its messages may reorder or drop them' },
};

/** Description of `--force` where only a filter looks at messages that it leaves in place. */
export const FORCE_FILTER = 'with a filter: allow quorum queues, where each look counts as a delivery';

/** With these limits, a requeued message may be dropped if other messages have filled the queue in the meantime. */
const LIMITS = ['x-max-length', 'x-max-length-bytes'];

/** A look at a queue that can be read may have side effects. */
export class HarmfulLook extends CommandFailure {}

export interface PlainQueueOptions {
  force?: boolean | undefined;
  isEmpty?: boolean;
  /** A filter may look at a queue of which nobody can say what it is; a note says so. */
  mayBeUnknown?: boolean;
}

/**
 * Ensures that a task's messages can be looked at without losing any.
 * @param options `force` continues anyway and reports the side effects; `isEmpty` means that the queue was counted as empty
 * @throws HarmfulLook for a queue that might lose messages, or whose type is not known
 * @throws CommandFailure (1) for a queue whose messages cannot be looked at
 */
export async function requirePlainQueue(
  context: Pick<ClientContext, 'client' | 'note' | 'settings'>,
  taskId: string,
  { force = false, isEmpty = false, mayBeUnknown = false }: PlainQueueOptions = {},
): Promise<void> {
  const { client, note } = context;
  const kind = await findKind(context, taskId, { force: force || isEmpty, mayBeUnknown });
  if (kind?.kind === 'stream') throw streamFailure(taskId);
  // An empty queue needs no look.
  if (kind === undefined || isEmpty) return;
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
  // The client refuses to read an auto-delete queue.
  if (!change || kind.ownArguments.includes('auto_delete')) return;
  if (force) {
    const most = kind.kind === 'quorum' ? await deliveryLimit(context, taskId) : undefined;
    if (most === 0) throw droppingReturns(queue);
    const limit = most === undefined ? '' : ` Its limit is ${formatNumber(most)}.`;
    note(`${queue} is ${change.is}: ${change.what}.${limit}`);
    return;
  }
  const drain = taskCommand('dequeue', taskId, ['--all', '--out', 'FILE']);
  const others = `"${taskCommand('watch', taskId)}" only follows events; "${drain}" drains to a file`;
  throw new HarmfulLook(ExitCode.failed, `${queue} is ${change.is}: ${change.what}`, {
    hint: `${others}; --force looks anyway.`,
  });
}

/**
 * The same for a queue that is to be read, and not necessarily looked at.
 * @returns why a look may do harm; `undefined` if it does not
 * @throws CommandFailure (1) for a queue that cannot be read either; TaskQueueError `ACCESS_REFUSED` if this user may not
 */
export async function harmOfLook(
  context: Pick<ClientContext, 'client' | 'note' | 'settings'>,
  taskId: string,
  options?: PlainQueueOptions,
): Promise<HarmfulLook | undefined> {
  try {
    await requirePlainQueue(context, taskId, options);
  } catch (error) {
    if (!(error instanceof HarmfulLook)) throw error;
    await context.client.checkRead(taskId);
    return error;
  }
}

/**
 * Ensures that messages which cannot be handled can be returned to their queue.
 * @throws HarmfulLook if its delivery limit is 0, as far as that is known
 */
export async function requireReturns(
  context: Pick<ClientContext, 'client' | 'settings'>,
  taskId: string,
): Promise<void> {
  const known = await context.client.queueKind(taskId).catch(() => undefined);
  if (known?.kind === 'quorum' && (await deliveryLimit(context, taskId)) === 0)
    throw droppingReturns(`The queue of task ${JSON.stringify(taskId)}`);
}

function droppingReturns(queue: string): HarmfulLook {
  return new HarmfulLook(
    ExitCode.failed,
    `${queue} has a delivery limit of 0: RabbitMQ drops each message that is returned to it`,
    { hint: 'Remove delivery-limit from its policy, or drain the queue to a file without a filter.' },
  );
}

/** By argument or policy; `undefined` if none is set, or the management API does not answer in time. */
async function deliveryLimit(
  { settings }: Pick<ClientContext, 'settings'>,
  taskId: string,
): Promise<number | undefined> {
  const { arguments: own, effectivePolicy } = (await describeInTime(settings, taskId)) ?? {};
  const set = [own?.['x-delivery-limit'], effectivePolicy?.['delivery-limit']].filter(
    (limit) => typeof limit === 'number',
  );
  return set.length === 0 ? undefined : Math.min(...set);
}

/** `undefined` if the queue does not exist, or if its type is unknown and `force` is set. */
async function findKind(
  { client, settings, note }: Pick<ClientContext, 'client' | 'settings' | 'note'>,
  taskId: string,
  { force, mayBeUnknown }: { force: boolean; mayBeUnknown: boolean },
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
    throw new HarmfulLook(ExitCode.refused, error.message, {
      cause: error,
      hint: 'Checking the queue type needs configure permission, or the management API. If you know it is a classic queue, use --force.',
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
