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
 * @param count how many messages will be added, at least
 * @throws CommandFailure (1) unless `force` is set, which turns it into a note
 */
export async function requireRoom(
  { client, settings, note }: ClientContext,
  taskId: string,
  count: number,
  force: boolean,
): Promise<void> {
  const [limit, depth] = await Promise.all([droppingLimit(settings, taskId), client.depth(taskId)]);
  if (limit === undefined || depth === undefined || depth.messages + count <= limit) return;
  const message =
    `The queue of task ${JSON.stringify(taskId)} keeps ${formatCount(limit, 'message')} and drops the oldest beyond that ` +
    `(max-length), and it has ${formatCount(depth.messages, 'message')}`;
  if (force) return note(`${message}.`);
  throw new CommandFailure(ExitCode.failed, message, {
    hint: 'Add fewer messages with -n, raise the limit, or set overflow to reject-publish; --force adds them anyway.',
  });
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
