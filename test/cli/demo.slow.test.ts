import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { cliEnvironment } from '../support/cli.ts';
import { aliveAmong, childrenOf } from '../support/processes.ts';
import { Terminal } from '../support/terminal.ts';
import { until } from '../support/until.ts';
import { newVhost } from '../support/vhost.ts';

const demo = fileURLToPath(new URL('../demo/demo.js', import.meta.url));

async function runDemo(env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [demo], {
    env: cliEnvironment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk;
  });
  const ended = once(child, 'close');
  const isServer = /mcp-server\.js/;
  await until(() => child.exitCode !== null || childrenOf(child.pid as number, isServer).length > 0);
  const servers = childrenOf(child.pid as number, isServer);
  const [status] = await ended;
  return { status, servers, ...output };
}

test('the demo shows every step, and ends with 0 and nothing left running', async () => {
  const { status, servers, stdout, stderr } = await runDemo();
  expect(stderr).toBe('');
  expect(status).toBe(0);
  for (const command of ['ls', 'peek', 'watch', 'dequeue', 'enqueue', 'clear']) {
    expect(stdout).toContain(`\n$ mcp-taskq ${command}`);
  }
  expect(stdout).not.toContain('\u001b');
  expect(servers).toHaveLength(1);
  expect(aliveAmong(servers)).toEqual([]);
});

// At once, as each waits for statistics of the broker most of the time.
test('the demo succeeds on terminals of 60, 80 and 120 columns', async () => {
  const show = async (columns: number) => {
    const { url: MCP_TASKQ_URL } = await newVhost();
    const terminal = new Terminal(process.execPath, [demo], { MCP_TASKQ_URL }, columns);
    expect(await terminal.ended, terminal.text).toBe(0);
    expect(terminal.text).toContain('Nothing is left.');
  };
  await Promise.all([60, 80, 120].map(show));
});

test('the demo ends with 1 and says which step did not show what it should', async () => {
  const { status, stderr } = await runDemo({ MCP_TASKQ_API_URL: 'http://127.0.0.1:1' });
  expect(status).toBe(1);
  expect(stderr).toContain('The demo failed: "mcp-taskq ls --exact" ended with status 7');
});
