import type { ListTaskQueuesOptions, ManagementApiOptions, TaskQueueInfo } from '../../index.ts';
import type { Context } from '../context.ts';
import { requireSameBroker } from '../settings/same-broker.ts';

export type ListQueuesOptions = ListTaskQueuesOptions &
  Pick<ManagementApiOptions, 'signal' | 'connectTimeoutMs' | 'apiTimeoutMs'>;

/**
 * Lists task queues by the management API; nothing of them before it is known to be that of the broker.
 * @throws TaskQueueError `TARGET_MISMATCH` where it is not, `NO_ANSWER` where it is stuck; otherwise as `listTaskQueues`
 */
export async function* listQueues(
  { settings, note }: Pick<Context, 'settings'> & Partial<Pick<Context, 'note'>>,
  options: ListQueuesOptions = {},
): AsyncGenerator<TaskQueueInfo[], void, undefined> {
  const { listTaskQueues } = await import('../../index.ts');
  const ended = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, ended.signal]) : ended.signal;
  const verified = requireSameBroker(settings, signal);
  // The list of another broker, or of one that is stuck, is not waited for.
  verified.catch((error) => ended.abort(error));
  let isVerified = false;
  const verify = async () => {
    if (isVerified) return;
    isVerified = true;
    const warning = await verified;
    if (warning !== undefined) note?.(`warning: ${warning}`);
  };
  try {
    const api = { ...settings.connection, apiUrl: settings.apiUrl };
    for await (const page of listTaskQueues({ ...api, ...options, signal })) {
      await verify();
      yield page;
    }
    await verify();
  } finally {
    ended.abort();
  }
}
