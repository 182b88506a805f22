import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { recordsIn, startCli } from '../support/cli.ts';
import { openClient, raw } from '../support/tasks.ts';
import { newVhost } from '../support/vhost.ts';

/** Starts a watch and waits until it has shown the message that is there. */
async function startWatch(url: string, args: string[] = []) {
  const child = startCli(['watch', 'task', ...args], { env: { MCP_TASKQ_URL: url } });
  let stdout = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const seen = () => recordsIn(stdout);
  await expect.poll(() => seen().length).toBe(1);
  return { child, seen, ended };
}

/**
 * With an id, as the messages of this package's queues have one: its event may come late, when the watch has found it in
 * the queue already, and still it is shown once.
 */
function second(body: string) {
  return { body: Buffer.from(body), properties: { delivery_mode: 2, message_id: 'second' } };
}

const ISO_TIME = /^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/;

async function vhostWithMessage() {
  const vhost = await newVhost();
  const client = openClient({ url: vhost.url });
  await client.publish('task', raw('{"first":1}'));
  return { ...vhost, client };
}

describe('watch', () => {
  test.each([
    ['SIGINT', [0, null]],
    ['SIGTERM', [143, null]],
    ['SIGKILL', [null, 'SIGKILL']],
  ] as const)(
    'after %s leaves no queue of its own, and the message where it was',
    async (signal, outcome) => {
      const { url, queueNames, client } = await vhostWithMessage();
      const { child, ended } = await startWatch(url);
      expect(await queueNames()).toContainEqual(expect.stringMatching(/^mcp:watch:/));
      child.kill(signal);
      expect(await ended).toEqual(outcome);
      await expect.poll(queueNames).toEqual(['mcp:queue:task']);
      await expect.poll(() => client.depth('task')).toEqual({ messages: 1, consumers: 0 });
    },
  );

  test('prints a record a line, at once, and events beside them when asked to', async () => {
    const { url, client } = await vhostWithMessage();
    const { child, seen, ended } = await startWatch(url, ['--events']);
    await client.publish('task', second('{"second": 1.0}'));
    await expect.poll(() => seen().length).toBe(2);
    await client.take('task', () => {});
    await client.clear('task');
    await expect.poll(() => seen().length).toBe(4);
    expect(seen()).toMatchObject([
      { task_id: 'task', body: { first: 1 } },
      { task_id: 'task', body: { second: 1 } },
      { event: 'dequeued', at: expect.stringMatching(ISO_TIME), task_id: 'task', count: 1 },
      { event: 'cleared', at: expect.stringMatching(ISO_TIME), task_id: 'task', count: 1 },
    ]);
    child.kill('SIGINT');
    await ended;
  });

  test('follows the tasks that match a pattern, also those that come later', async () => {
    const { url } = await newVhost();
    const client = openClient({ url });
    const child = startCli(['watch', 'job-*', '--limit', '1'], { env: { MCP_TASKQ_URL: url } });
    let stdout = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    const ended = once(child, 'close');
    let isOver = false;
    void ended.then(() => {
      isOver = true;
    });
    // Nothing says that it has begun.
    while (!isOver) {
      for (const task of ['other', 'job-1']) await client.publish(task, raw('{"a":1}'));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await ended).toEqual([0, null]);
    expect(recordsIn(stdout)).toMatchObject([{ task_id: 'job-1', body: { a: 1 } }]);
  });

  test('ends by itself with --limit, --idle or --for, with status 0', async () => {
    const endsWith = async (...args: string[]) => {
      const { url, client } = await vhostWithMessage();
      const { ended, seen } = await startWatch(url, args);
      await client.publish('task', second('{"second":1}'));
      expect({ args, ended: await ended, seen: seen().length }).toEqual({ args, ended: [0, null], seen: 2 });
    };
    // At once, as they last long enough for the second message, however slow the machine is.
    await Promise.all([endsWith('--limit', '2'), endsWith('--idle', '8s'), endsWith('--for', '15s')]);
  });
});
