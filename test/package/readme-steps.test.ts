import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { expect, onTestFinished, test } from 'vitest';
import { sharedBroker } from '../support/broker.ts';
import { outsideEnvironment, packInto, runIn } from '../support/packed-package.ts';

const readme = fileURLToPath(new URL('../../README.md', import.meta.url));

/** The commands and the code of a section of the README. */
async function sectionOf(heading: string): Promise<{ commands: string; code: string; text: string }> {
  const [, text = ''] = (await readFile(readme, 'utf8')).split(`\n## ${heading}\n`);
  const block = (language: string) =>
    new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(text)?.[1];
  return { commands: block('sh') ?? '', code: block('ts') ?? '', text };
}

test('the steps of the README make a server in an empty folder, with npm init and tsc --init as they are', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'mcp-taskq-readme-'));
  onTestFinished(() => rm(parent, { recursive: true, force: true }));
  const [project, clone] = [join(parent, 'my-server'), join(parent, 'mcp-taskq')];
  await mkdir(project);
  await mkdir(clone);
  const tarball = await packInto(clone);
  const { commands, code, text } = await sectionOf('In an MCP server');

  expect(commands).toContain(`../mcp-taskq/${tarball}`);
  await runIn(project, 'bash', ['-ec', commands], { npm_config_fund: 'false', npm_config_audit: 'false' });
  const [, file = '', build = '', program = ''] =
    /Save this as `(\S+)`, then run `(.*) && node (\S+)`/.exec(text) ?? [];
  await writeFile(join(project, file), code);
  const { stdout } = await runIn(project, 'bash', ['-ec', build]).catch((error) => error);
  expect(stdout).toBe('');

  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [join(project, program)],
    env: { ...outsideEnvironment(), RABBITMQ_URL: sharedBroker().url },
  });
  const client = new Client({ name: 'test', version: '1.0.0' });
  await client.connect(transport);
  expect(client.getServerVersion()).toMatchObject({ name: 'files' });
  await client.close();
}, 300_000);
