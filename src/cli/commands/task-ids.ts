import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { hasControlCharacter } from '../../cli-shared.ts';
import { addGlobalOptions } from '../settings/global-options.ts';
import { resolveSettings, type Settings } from '../settings/settings.ts';
import { raceWith } from '../terminal/stop.ts';
import { literalGlob } from '../text/literal-glob.ts';

/** How long the user who pressed Tab waits, once the process has started. `--timeout` overrides it. */
const BUDGET_MS = 300;

const MAX_IDS = 200;

/**
 * For the completion scripts: prints task ids with a given prefix, one per line, or nothing if that takes too long.
 * The words typed so far select the broker.
 */
export function taskIdsCommand() {
  const command = new Command('__task-ids').argument('[start]', '', '').argument('[words...]');
  return command.action(async (start, words, _options, self) => {
    const line = words.length === 0 ? self : optionsIn(words);
    // A password may be in a pipe that nobody writes to.
    const environment = { MCP_TASKQ_TIMEOUT: `${BUDGET_MS}ms`, ...process.env };
    const settings = resolveSettings(line, environment, 'completion');
    const { timeoutMs = BUDGET_MS } = settings;
    const { listTaskQueues } = await import('../../index.ts');
    const listed = listIds(listTaskQueues, settings, start, timeoutMs);
    const ids = await raceWith(AbortSignal.timeout(timeoutMs), listed).catch(() => []);
    process.stdout.write(ids.map((id) => `${id}\n`).join(''));
  });
}

/** The connection options of an unfinished command line, at any position. */
function optionsIn(words: readonly string[]): CommandUnknownOpts {
  const line = new Command()
    .allowUnknownOption()
    .allowExcessArguments()
    .helpOption(false)
    .exitOverride()
    .configureOutput({ writeErr: () => {}, outputError: () => {} });
  addGlobalOptions(line);
  return line.parse(words, { from: 'user' });
}

async function listIds(
  listTaskQueues: typeof import('../../index.ts').listTaskQueues,
  { connection, apiUrl }: Settings,
  start: string,
  apiTimeoutMs: number,
): Promise<string[]> {
  const ids: string[] = [];
  const glob = `${literalGlob(start)}*`;
  const pages = listTaskQueues({ ...connection, apiUrl, glob, source: 'none', apiTimeoutMs });
  for await (const page of pages) {
    // No command takes the others.
    ids.push(...page.map(({ taskId }) => taskId).filter((id) => !hasControlCharacter(id)));
    if (ids.length >= MAX_IDS) break;
  }
  return ids.slice(0, MAX_IDS);
}
