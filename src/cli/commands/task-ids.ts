import { performance } from 'node:perf_hooks';
import { Command } from '@commander-js/extra-typings';
import { resolveSettings, type Settings } from '../settings/settings.ts';

/** From the start of the process, as whoever presses Tab waits for that too. `--timeout` allows another. */
const BUDGET_MS = 300;

const MAX_IDS = 200;

/** For the completion scripts: ids of tasks that begin with a text, a line each, or nothing at all in time. */
export function taskIdsCommand() {
  return new Command('__task-ids').argument('[start]', '', '').action(async (start, _options, self) => {
    const settings = resolveSettings(self, process.env, 'completion');
    // performance.now() counts from the start of the process.
    const leftMs = Math.max(1, (settings.timeoutMs ?? BUDGET_MS) - performance.now());
    const nothing = new Promise<string[]>((resolve) => setTimeout(() => resolve([]), leftMs).unref());
    const ids = await Promise.race([listIds(settings, start, leftMs), nothing]).catch(() => []);
    process.stdout.write(ids.map((id) => `${id}\n`).join(''));
  });
}

async function listIds(
  { connection, apiUrl }: Settings,
  start: string,
  apiTimeoutMs: number,
): Promise<string[]> {
  const { listTaskQueues } = await import('../../index.ts');
  const ids: string[] = [];
  const glob = `${start.replace(/[*?\\]/g, '\\$&')}*`;
  const pages = listTaskQueues({ ...connection, apiUrl, glob, source: 'none', apiTimeoutMs });
  for await (const page of pages) {
    ids.push(...page.map(({ taskId }) => taskId));
    if (ids.length >= MAX_IDS) break;
  }
  return ids.slice(0, MAX_IDS);
}
