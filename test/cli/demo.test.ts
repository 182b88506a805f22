import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';
import { cliEnvironment } from '../support/cli.ts';
import { aliveAmong, childrenOf } from '../support/processes.ts';
import { Terminal } from '../support/terminal.ts';
import { until } from '../support/until.ts';
import { newVhost } from '../support/vhost.ts';

// A demo starts some twenty processes, and gives up after two minutes by itself.
vi.setConfig({ testTimeout: 180_000 });

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
  let isOver = false;
  ended.finally(() => {
    isOver = true;
  });
  await until(() => isOver || output.stdout.includes('An MCP server is running'), 120_000);
  const servers = childrenOf(child.pid as number, /mcp-server\.js/);
  const [status] = await ended;
  return { status, servers, ...output };
}

test('the demo shows every step, and ends with 0 and nothing left running', async () => {
  const { url } = await newVhost();
  const { status, servers, stdout, stderr } = await runDemo({ MCP_TASKQ_URL: url });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  for (const command of ['ls', 'peek', 'watch', 'dequeue', 'enqueue', 'clear']) {
    expect(stdout).toContain(`\n$ mcp-taskq ${command}`);
  }
  expect(stdout).not.toContain('\u001b');
  expect(servers).toHaveLength(1);
  expect(aliveAmong(servers)).toEqual([]);
});

test('the demo succeeds on a narrow terminal', async () => {
  const { url } = await newVhost();
  const terminal = new Terminal(process.execPath, [demo], { MCP_TASKQ_URL: url }, 60);
  expect(await terminal.ended, terminal.text).toBe(0);
  expect(terminal.text).toContain('Nothing is left.');
});

test('the demo ends with 1 and says which step did not show what it should', async () => {
  const { status, stderr } = await runDemo({ MCP_TASKQ_API_URL: 'http://127.0.0.1:1' });
  expect(status).toBe(1);
  expect(stderr).toContain('The demo failed: "mcp-taskq ls --exact" ended with status 7');
});
