import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runCli } from '../support/cli.ts';
import { openClient, raw } from '../support/tasks.ts';
import { newVhost } from '../support/vhost.ts';

const topics = new URL('../../src/cli/help/topics/', import.meta.url);

/** The names that a page has in code, such as `ready`. */
function namesIn(topic: string): Set<string | undefined> {
  const page = readFileSync(new URL(`${topic}.md`, topics), 'utf8');
  return new Set([...page.matchAll(/`(\w+)`/g)].map(([, name]) => name));
}

test('each member of the JSON of a command is in the help topic about it', async () => {
  const { url } = await newVhost();
  await openClient({ url }).publish('one', raw('{}'));
  for (const [topic, args] of [
    ['output', ['ls']],
    ['monitoring', ['check', '--depth-critical', '1']],
    ['monitoring', ['status']],
    ['monitoring', ['describe', 'one']],
    ['output', ['enqueue', 'one', '{"jsonrpc":"2.0","method":"a"}', '--dry-run']],
    ['output', ['cp', 'one', 'other', '--all']],
    ['output', ['clear', 'one', '--dry-run']],
    ['output', ['mv', 'one', 'other', '--all']],
  ] as const) {
    const { stdout } = await runCli([...args, '--json'], { env: { MCP_TASKQ_URL: url } });
    const [record] = [JSON.parse(stdout)].flat();
    const names = namesIn(topic);
    expect([args, Object.keys(record).filter((member) => !names.has(member))]).toEqual([args, []]);
  }
});
