import type { QueueDepth } from '../../index.ts';
import { CommandFailure } from '../command-failure.ts';
import type { ClientContext } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { requireSameBroker } from '../settings/same-broker.ts';
import { formatCount } from '../text/sizes.ts';

/** Description of `--force` of mv and cp. */
export const FORCE_BULK = 'allow quorum queues, where a look counts as a delivery, and a full destination';

/** Only the management API knows policies; without an answer in this time, nothing is known of them. */
const API_MS = 1_000;

/**
 * Refuses to fill a queue beyond a `max-length` whose overflow drops messages: RabbitMQ confirms each message, and then
 * drops the oldest one.
 * @param depth what is in it; `undefined` if it does not exist yet
 * @param count how many messages will be added, at least
 * @throws CommandFailure (1) unless `force` is set, which turns it into a note
 */
export async function requireRoom(
  { settings, note }: Pick<ClientContext, 'settings' | 'note'>,
  taskId: string,
  depth: QueueDepth | undefined,
  count: number,
  force: boolean,
): Promise<void> {
  if (depth === undefined) return;
  const limit = await droppingLimit(settings, taskId);
  if (limit === undefined || depth.messages + count <= limit) return;
  const message =
    `The queue of task ${JSON.stringify(taskId)} keeps ${formatCount(limit, 'message')} and drops the oldest beyond that ` +
    `(max-length), and it has ${formatCount(depth.messages, 'message')}`;
  if (force) return note(`${message}.`);
  throw new CommandFailure(ExitCode.failed, message, {
    hint: 'Add fewer messages with -n, raise the limit, or set overflow to reject-publish; --force adds them anyway.',
  });
}

/**
 * Notes that a destination has fewer messages than it should: RabbitMQ confirms a message and then drops it by a policy that
 * the management API may not know yet, as of a queue that is some seconds old. Consumers may have taken them as well.
 * @param before what was in it; `undefined` if it did not exist
 */
export async function noteDropped(
  { client, note }: Pick<ClientContext, 'client' | 'note'>,
  taskId: string,
  before: QueueDepth | undefined,
  added: number,
): Promise<void> {
  const depth = await client.depth(taskId).catch(() => undefined);
  if (depth === undefined || depth.consumers > 0 || (before?.consumers ?? 0) > 0) return;
  const missing = (before?.messages ?? 0) + added - depth.messages;
  if (missing <= 0) return;
  const are = missing === 1 ? 'is' : 'are';
  note(
    `${formatCount(missing, 'message')} ${are} not in task ${JSON.stringify(taskId)} any more: dropped by a policy of its queue ` +
      '(max-length, message-ttl), unless a reader has taken them.',
  );
}

/** The `max-length` of a task's queue, by policy or argument, if what is beyond it is dropped. */
async function droppingLimit(
  settings: ClientContext['settings'],
  taskId: string,
): Promise<number | undefined> {
  const { connection, apiUrl } = settings;
  const { describeTaskQueue } = await import('../../index.ts');
  const options = { ...connection, apiUrl, connectTimeoutMs: API_MS, apiTimeoutMs: API_MS };
  const queue = await requireSameBroker({ settings }, AbortSignal.timeout(API_MS))
    .then(() => describeTaskQueue(taskId, options))
    .catch(() => undefined);
  if (queue === undefined) return undefined;
  const { arguments: own, effectivePolicy } = queue;
  const overflow = own['x-overflow'] ?? effectivePolicy.overflow ?? 'drop-head';
  const limits = [own['x-max-length'], effectivePolicy['max-length']].filter(
    (each) => typeof each === 'number',
  );
  return overflow === 'drop-head' && limits.length > 0 ? Math.min(...limits) : undefined;
}
