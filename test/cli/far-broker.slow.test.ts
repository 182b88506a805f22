import { expect, test } from 'vitest';
import { sharedBroker } from '../support/broker.ts';
import { runCli } from '../support/cli.ts';
import { farBroker } from '../support/far-broker.ts';
import { newTask, openClient, raw } from '../support/tasks.ts';

const OTHER = newTask();

/** Of which the start of a connection and its end take five, and another connection up to as many again. */
test.each([
  { command: 'peek', options: [], most: 13 },
  { command: 'dequeue', options: [], most: 16 },
  { command: 'clear', options: ['--yes'], most: 18 },
  { command: 'describe', options: [], most: 13 },
  { command: 'cp', options: [OTHER, '--all'], most: 24 },
])('$command waits at most $most times for a broker that is far away', async ({ command, options, most }) => {
  const task = newTask();
  for (const each of [task, OTHER]) await openClient().publish(each, raw('{"a": 1}'));
  const { url, apiUrl, roundTrips } = await farBroker(sharedBroker());
  const env = { MCP_TASKQ_URL: url, MCP_TASKQ_API_URL: apiUrl };
  const { status, stderr } = await runCli([command, task, ...options], { env });
  expect(stderr).not.toContain('error');
  expect(status).toBe(0);
  expect(roundTrips()).toBeLessThanOrEqual(most);
});
