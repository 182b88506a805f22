import { execFile, execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test, vi } from 'vitest';
import { cliEnvironment } from '../support/cli.ts';
import { aliveAmong } from '../support/processes.ts';
import { Terminal } from '../support/terminal.ts';
import { newVhost } from '../support/vhost.ts';

// A demo starts some twenty processes, and gives up after two minutes by itself.
vi.setConfig({ testTimeout: 180_000 });

const demo = fileURLToPath(new URL('../demo/demo.js', import.meta.url));
const server = fileURLToPath(new URL('../demo/mcp-server.js', import.meta.url));

test('the demo shows every step on a narrow terminal, and ends with 0 and nothing left running', async () => {
  const { url } = await newVhost();
  const terminal = new Terminal(process.execPath, [demo], { MCP_TASKQ_URL: url }, 60);
  await terminal.shows('An MCP server is running', 120_000);
  const servers = execFileSync('pgrep', ['-f', server], { encoding: 'utf8' }).trim().split('\n').map(Number);
  expect(await terminal.ended, terminal.text).toBe(0);
  for (const command of ['ls', 'peek', 'watch', 'dequeue', 'enqueue', 'clear']) {
    expect(terminal.text).toContain(`\n$ mcp-taskq ${command}`);
  }
  expect(terminal.text).toContain('Nothing is left.');
  expect(servers).toHaveLength(1);
  expect(aliveAmong(servers)).toEqual([]);
});

test('the demo ends with 1 and says which step did not show what it should, without colors in a file', async () => {
  const env = cliEnvironment({ MCP_TASKQ_API_URL: 'http://127.0.0.1:1' });
  const failure = await promisify(execFile)(process.execPath, [demo], { env }).catch((error) => error);
  expect(failure.code).toBe(1);
  expect(failure.stderr).toBe('\nThe demo failed: "mcp-taskq ls --exact" ended with status 7, not 0\n');
  expect(failure.stdout).toContain('\n$ mcp-taskq ls');
  expect(failure.stdout).not.toContain('\u001b');
});
