import type { TaskQueueDescription } from '../../index.ts';
import { requireSameBroker } from '../settings/same-broker.ts';
import type { Settings } from '../settings/settings.ts';

/**
 * How long a command waits for the management API where it can do without: a port behind a firewall does not answer at all,
 * a busy broker may take seconds. For `overview` RabbitMQ looks up the name of its host, which takes 5 seconds where the name
 * server does not answer the first time.
 */
export const API_LIMITS = { connectTimeoutMs: 1_000, apiTimeoutMs: 7_000 };

/** Whose management API did not answer in time, or is that of another broker: it is not asked again for each task. */
const withoutApi = new WeakSet<Settings>();

/**
 * What the management API knows of a task's queue, for commands that can do without.
 * @returns `undefined` if the API does not know the queue; `null` if it cannot be asked in time, or is that of another
 * broker
 */
export async function describeInTime(
  settings: Settings,
  taskId: string,
): Promise<TaskQueueDescription | undefined | null> {
  if (withoutApi.has(settings)) return null;
  const { describeTaskQueue } = await import('../../index.ts');
  const { connection, apiUrl } = settings;
  try {
    const [description] = await Promise.all([
      describeTaskQueue(taskId, { ...connection, apiUrl, ...API_LIMITS }),
      requireSameBroker(settings, AbortSignal.timeout(API_LIMITS.apiTimeoutMs)),
    ]);
    return description;
  } catch {
    withoutApi.add(settings);
    return null;
  }
}
