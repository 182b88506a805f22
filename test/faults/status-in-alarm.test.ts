import { beforeAll, expect, test } from 'vitest';
import type { RunningBroker } from '../../src/local-broker/index.ts';
import { startPrivateBroker } from '../support/broker.ts';
import { runCli } from '../support/cli.ts';

let broker: RunningBroker;

beforeAll(async () => {
  broker = await startPrivateBroker({ management: true });
}, 120_000);

test('a resource alarm is a problem (1), with and without the management API, and status does not wait for its end', async () => {
  await broker.ctl('set_vm_memory_high_watermark', '0');
  const env = { MCP_TASKQ_URL: broker.url, MCP_TASKQ_API_URL: broker.apiUrl };
  const asked = async (...args: string[]) => {
    const { status, stdout, stderr } = await runCli(['status', '--timeout', '20s', ...args], { env });
    return { status, found: JSON.parse(stdout), stderr };
  };
  await expect.poll(async () => (await asked()).found.alarms?.length, { timeout: 30_000 }).toBe(1);
  const withApi = await asked();
  expect(withApi.found.alarms[0]).toMatch(/low on memory: publishing is blocked/);
  expect(withApi.found.permissions).toMatchObject({ configure: true, read: true, write: null });
  expect(withApi.status).toBe(1);
  const without = await asked('--no-api');
  expect(without.found.publishing_blocked).toMatch(/memory/);
  expect(without.stderr).toContain('The broker blocks publishing');
  expect(without.status).toBe(1);
}, 120_000);
