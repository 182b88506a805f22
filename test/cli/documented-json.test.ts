import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runCli } from '../support/cli.ts';
import { newTask, openClient, raw } from '../support/tasks.ts';
import { newVhost } from '../support/vhost.ts';

const topics = new URL('../../src/cli/help/topics/', import.meta.url);

/** The names that a page has in code, such as `ready`. */
function namesIn(topic: string): Set<string | undefined> {
  const page = readFileSync(new URL(`${topic}.md`, topics), 'utf8');
  return new Set([...page.matchAll(/`(\w+)`/g)].map(([, name]) => name));
}

test.each([
  ['ls', 'output', ['ls']],
  ['check', 'monitoring', ['check', '--depth-critical', '1']],
  ['status', 'monitoring', ['status']],
  ['describe', 'monitoring', ['describe', 'TASK']],
  ['enqueue', 'output', ['enqueue', 'TASK', '{"jsonrpc":"2.0","method":"a"}', '--dry-run']],
  ['cp', 'output', ['cp', 'TASK', 'other', '--all']],
  ['mv', 'output', ['mv', 'TASK', 'other', '--all']],
  ['clear', 'output', ['clear', 'TASK', '--dry-run']],
])('each member of the JSON of %s is in help %s', async (_command, topic, args) => {
  const { url } = await newVhost();
  const task = newTask();
  await openClient({ url }).publish(task, raw('{}'));
  const words = args.map((word) => (word === 'TASK' ? task : word));
  const { stdout } = await runCli([...words, '--json'], { env: { MCP_TASKQ_URL: url } });
  const [record] = [JSON.parse(stdout)].flat();
  const names = namesIn(topic);
  expect(Object.keys(record).filter((member) => !names.has(member))).toEqual([]);
});
