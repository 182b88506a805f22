import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDataFolder } from '../../src/local-broker/data-folder.ts';
import type { Watchdog } from '../../src/local-broker/watchdog.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp-taskq-test-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

/** The part of a watchdog that a data folder needs. */
const watchdog = { pid: process.pid, guard: () => {} } as unknown as Watchdog;

test.each([
  ['new', undefined],
  ['left behind by a broker that died', '2147483646\n'],
])('of several brokers at once, one gets a folder that is %s', async (_what, owner) => {
  if (owner !== undefined) writeFileSync(join(folder, 'owner.pid'), owner);
  const all = Array.from({ length: 20 }, () => openDataFolder(folder, watchdog));
  const outcomes = await Promise.allSettled(all);
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const outcome of outcomes)
    if (outcome.status === 'rejected')
      expect(outcome.reason).toMatchObject({ code: 'BROKER_START_FAILED', hint: expect.any(String) });
  expect(readFileSync(join(folder, 'owner.pid'), 'utf8')).toBe(`${process.pid}\n`);
  expect(readdirSync(folder)).toEqual(['owner.pid']);
});

test.each(['rabbitmq.conf', 'enabled_plugins'])(
  'a folder with the %s of another RabbitMQ is left as it is',
  async (name) => {
    writeFileSync(join(folder, name), 'theirs');
    await expect(openDataFolder(folder, watchdog)).rejects.toMatchObject({
      code: 'BROKER_START_FAILED',
      message: expect.stringContaining(`has a file ${name} that is not from mcp-taskq`),
    });
    expect(readdirSync(folder)).toEqual([name]);
    expect(readFileSync(join(folder, name), 'utf8')).toBe('theirs');
    // One of ours, which has the cookie that its nodes share.
    writeFileSync(join(folder, '.erlang.cookie'), 'x');
    expect(await openDataFolder(folder, watchdog)).toEqual({ path: folder, kept: true });
  },
);
