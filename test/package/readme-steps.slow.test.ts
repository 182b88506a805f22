import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { sharedBroker } from '../support/broker.ts';
import { outsideEnvironment, packInto, runIn } from '../support/packed-package.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Beside the folder of the package, as on the machine of someone who follows the steps. */
let parent: string;
let tarball: string;

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'mcp-taskq-steps-'));
  await mkdir(join(parent, 'mcp-taskq'));
  tarball = await packInto(join(parent, 'mcp-taskq'));
});

afterAll(() => rm(parent, { recursive: true, force: true }));

/** What a page has under a heading: shell commands, code, and the text around it. */
async function sectionOf(page: string, heading: string) {
  const [, text = ''] = (await readFile(join(root, page), 'utf8')).split(`\n## ${heading}\n`);
  const blocks = (language: string) => {
    const fenced = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm');
    return [...text.matchAll(fenced)].map(([, code = '']) => code);
  };
  return { commands: blocks('sh')[0] ?? '', code: blocks('ts'), text };
}

/** npm asks the registry about nothing that it has in its cache. */
const QUIET = { npm_config_fund: 'false', npm_config_audit: 'false', npm_config_prefer_offline: 'true' };

/**
 * Follows the steps in an empty folder. @returns the folder, and the program that they make
 * @param installed a project that has the packages already: installing them takes most of the time
 */
async function follow(page: string, heading: string, installed?: string) {
  const { commands, code, text } = await sectionOf(page, heading);
  const project = await mkdtemp(join(parent, 'project-'));
  expect(commands).toContain(`../mcp-taskq/${tarball}`);
  if (installed === undefined) await runIn(project, 'bash', ['-ec', commands], QUIET);
  else {
    await rename(join(installed, 'node_modules'), join(project, 'node_modules'));
    const others = await withoutInstallation(project, commands);
    await runIn(project, 'bash', ['-ec', others], QUIET);
  }
  const [step = ''] = /Save this as .*?, then run `npx tsc && node \S+`/s.exec(text) ?? [];
  const names = [...step.matchAll(/`([\w-]+\.m?ts)`/g)].map(([, name = '']) => name);
  expect(names.length).toBe(code.length);
  for (const [index, name] of names.entries()) await writeFile(join(project, name), code[index] as string);
  const { stdout } = await runIn(project, 'npx', ['tsc']).catch((error) => error);
  expect(stdout).toBe('');
  return { project, program: join(project, /node (\S+)`$/.exec(step)?.[1] ?? '') };
}

/** Checks that a project has what `npm install` would bring. @returns the other commands */
async function withoutInstallation(project: string, commands: string): Promise<string> {
  const install = /^npm install(?: --save-dev)? (.*)$/gm;
  const named = [...commands.matchAll(install)].flatMap(([, packages = '']) => packages.split(' '));
  expect(named.length).toBeGreaterThan(4);
  for (const name of named) {
    const folder = name.startsWith('../') ? 'mcp-taskq' : name.replace(/(?<=.)@[^/]*$/, '');
    await access(join(project, 'node_modules', folder));
  }
  return commands.replace(install, '');
}

let installed: string | undefined;

test('the steps of the README make a server, with npm init and tsc --init as they are', async () => {
  const { project, program } = await follow('README.md', 'In an MCP server');
  installed = project;
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [program],
    env: { ...outsideEnvironment(), RABBITMQ_URL: sharedBroker().url },
  });
  const client = new Client({ name: 'test', version: '1.0.0' });
  await client.connect(transport);
  expect(client.getServerVersion()).toMatchObject({ name: 'files' });
  await client.close();
});

test('the steps of the page about replicas compile', async () => {
  if (installed !== undefined) {
    // The only package that the README does not have.
    await symlink(join(root, 'node_modules', 'libsql'), join(installed, 'node_modules', 'libsql'));
  }
  const { program } = await follow('src/cli/help/topics/replicas.md', 'A whole example', installed);
  await expect(readFile(program, 'utf8')).resolves.toContain("from './sqlite-task-store.js'");
});

test('the complete server that the README names ends with its client, although a task of its store lives on', async () => {
  const server = spawn(process.execPath, [join(root, 'test/demo/mcp-server.js')], {
    env: { ...outsideEnvironment(), MCP_TASKQ_URL: sharedBroker().url },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    server.kill('SIGKILL');
  });
  const client = new Client({ name: 'test', version: '1.0.0' }, { capabilities: { elicitation: {} } });
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { delete: true } }));
  // Unlike the SDK's transport for clients, this one does not kill a server that stays.
  await client.connect(new StdioServerTransport(server.stdout, server.stdin));
  await client.listTools();
  const types: string[] = [];
  for await (const { type } of client.experimental.tasks.callToolStream({
    name: 'tidy',
    arguments: { folder: '/tmp' },
  })) {
    types.push(type);
  }
  expect(types.at(-1)).toBe('result');
  server.stdin.end();
  expect(await once(server, 'exit')).toEqual([0, null]);
});
