import type { TaskQueueClient } from '../../index.ts';
import type { ClientContext } from '../context.ts';
import { forThisBroker } from '../hints.ts';
import { raceWith } from '../terminal/stop.ts';
import { literalGlob } from '../text/literal-glob.ts';
import { closest } from '../text/near-misses.ts';
import { shellWords } from '../text/shell-words.ts';
import { API_LIMITS } from './describe-in-time.ts';
import { listQueues } from './list-queues.ts';

/** At most this many ids are searched; more could not be listed in time anyway. */
const MAX_IDS = 50_000;

const MOST = 3;

/** A shorter prefix matches too many ids. */
const LEAST_PREFIX = 3;

/**
 * Suggests tasks for an id that has no queue: the id without the queue-name prefix, ids that begin with it, and ids
 * that differ in case, in the spaces around them or in a few characters.
 * @returns a sentence, or undefined if no id is similar or the management API does not answer in time
 */
export async function suggestTasks(
  { client, settings }: Pick<ClientContext, 'client' | 'settings'>,
  taskId: string,
): Promise<string | undefined> {
  const { prefix } = client;
  const isQueueName = prefix !== '' && taskId.startsWith(prefix);
  const written = isQueueName ? taskId.slice(prefix.length) : taskId;
  if (isQueueName && written !== '' && (await hasQueue(client, written))) {
    return `That is a queue name. The task id is ${JSON.stringify(written)}.`;
  }
  if (/[*?]/.test(written)) {
    return forThisBroker(
      `This command takes a task id, not a pattern; "${shellWords(['mcp-taskq', 'ls', written])}" lists the tasks that match.`,
    );
  }
  const ids = await listIds(settings, written);
  const same = ids.filter((id) => folded(id) === folded(written) && id !== taskId);
  const starting =
    written.length < LEAST_PREFIX ? [] : ids.filter((id) => id.startsWith(written) && id !== taskId);
  const similar = starting.length > 0 ? starting : closest(written, ids, MOST);
  const found = (same.length > 0 ? same : similar).slice(0, MOST);
  if (found.length === 0) return undefined;
  const more = same.length > 0 ? 0 : starting.length - found.length;
  const list = found.map((id) => JSON.stringify(id)).join(' or ');
  return `Did you mean ${list}${more > 0 ? `, or one of ${more} others with this prefix` : ''}?`;
}

/** The same for ids that a person may take for each other. */
function folded(taskId: string): string {
  return taskId.normalize('NFKC').toLowerCase().trim();
}

async function hasQueue(client: TaskQueueClient, taskId: string): Promise<boolean> {
  try {
    return (await client.depth(taskId)) !== undefined;
  } catch {
    return false;
  }
}

/** As many ids as can be listed in time. Those with this prefix are also listed separately, so as not to be missed. */
async function listIds(settings: ClientContext['settings'], start: string): Promise<string[]> {
  const ids = new Set<string>();
  const signal = AbortSignal.timeout(API_LIMITS.apiTimeoutMs);
  const list = async (glob: string) => {
    const pages = listQueues({ settings }, { ...API_LIMITS, glob, source: 'statistics', signal });
    for await (const page of pages) {
      for (const { taskId } of page) ids.add(taskId);
      if (signal.aborted || ids.size >= MAX_IDS) return;
    }
  };
  const listed = Promise.allSettled([list(`${literalGlob(start)}*`), list('*')]);
  await raceWith(signal, listed).catch(() => {});
  return [...ids];
}
