import type { TaskQueueDescription } from '../../index.ts';
import { requireSameBroker } from '../settings/same-broker.ts';
import type { Settings } from '../settings/settings.ts';

/**
 * What the management API knows of a task's queue, for commands that can do without.
 * @returns `undefined` if the API does not know the queue; `null` if it cannot be asked in this time, or is that of another
 * broker
 */
export async function describeInTime(
  settings: Settings,
  taskId: string,
  budgetMs: number,
): Promise<TaskQueueDescription | undefined | null> {
  const { describeTaskQueue } = await import('../../index.ts');
  const { connection, apiUrl } = settings;
  try {
    await requireSameBroker({ settings }, AbortSignal.timeout(budgetMs));
    const limits = { connectTimeoutMs: budgetMs, apiTimeoutMs: budgetMs };
    return await describeTaskQueue(taskId, { ...connection, apiUrl, ...limits });
  } catch {
    return null;
  }
}
