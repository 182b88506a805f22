import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'amqplib';
import { describe, expect, inject, test } from 'vitest';
import {
  findIdleTaskQueues,
  type LeftOutQueues,
  listTaskQueues,
  type ManagementApiOptions,
  pruneTaskQueues,
  type TaskQueueInfo,
} from '../../src/index.ts';
import { replyQueueName } from '../../src/messages/reply-queues.ts';
import { runCli } from '../support/cli.ts';
import { openClient, raw } from '../support/tasks.ts';
import { callApi, newVhost } from '../support/vhost.ts';

async function list(options: Parameters<typeof listTaskQueues>[0]): Promise<TaskQueueInfo[]> {
  const queues: TaskQueueInfo[] = [];
  for await (const page of listTaskQueues({ apiUrl: inject('apiUrl'), ...options })) queues.push(...page);
  return queues;
}

const ids = (queues: TaskQueueInfo[]) => queues.map(({ taskId }) => taskId);

/** Names that try to break patterns, URLs, shells and routing keys. */
const NASTY = [
  'a.b',
  'a*b',
  '[x](y)',
  '100%',
  'ünï',
  'with space',
  `quo"t'es`,
  'a/b',
  'a\\b',
  '^a$',
  '🐇',
  '{a}|b',
  '#',
  '?',
];

describe('listTaskQueues', () => {
  test('counts exactly, right after publishing, and lists no other queues', async () => {
    const { url } = await newVhost();
    const client = openClient({ url });
    await client.publish('one', raw('x'));
    for (let index = 0; index < 3; index++) await client.publish('three', raw('x'));
    const other = await connect(url);
    await (await other.createChannel()).assertQueue('no-task');
    await other.close();
    const queues = await list({ url });
    expect(queues.map(({ taskId, ready, unacked, type }) => [taskId, ready, unacked, type])).toEqual([
      ['one', 1, 0, 'classic'],
      ['three', 3, 0, 'classic'],
    ]);
    expect(queues[0]?.statistics).toBeUndefined();
  });

  test('reads all pages of 510 queues, each queue once', async () => {
    const { url } = await newVhost();
    const connection = await connect(url, { noDelay: true });
    const channels = await Promise.all(Array.from({ length: 8 }, () => connection.createChannel()));
    const wanted = Array.from({ length: 510 }, (_, index) => `task-${String(index).padStart(4, '0')}`);
    await Promise.all(
      channels.map(async (channel, lane) => {
        for (let index = lane; index < wanted.length; index += channels.length) {
          await channel.assertQueue(`mcp:queue:${wanted[index]}`, { durable: true });
        }
      }),
    );
    await connection.close();
    expect(ids(await list({ url }))).toEqual(wanted);
    expect(ids(await list({ url, glob: '*-050?' }))).toEqual(wanted.slice(500));
  });

  test('finds exactly the task with a nasty name, and peek, clear and prune hit it too', async () => {
    const { url } = await newVhost();
    const client = openClient({ url });
    const others = ['other', ...NASTY.map((name) => `${name}x`)];
    for (const taskId of [...NASTY, ...others]) await client.publish(taskId, raw(taskId));
    for (const name of NASTY) {
      const glob = name.replace(/[\\*?]/g, '\\$&');
      expect(ids(await list({ url, glob }))).toEqual([name]);
      expect((await client.peek(name))[0]?.body.toString()).toBe(name);
      expect(await client.clear(name, undefined, { keepQueue: true })).toBe(1);
      const outcomes = [];
      for await (const outcome of pruneTaskQueues(client, [name, 'other'])) outcomes.push(outcome);
      expect(outcomes).toEqual([
        { taskId: name, outcome: 'deleted' },
        { taskId: 'other', outcome: 'kept' },
      ]);
    }
    expect(ids(await list({ url })).sort()).toEqual(others.sort());
  });

  test.each([
    ['nothing listens', { apiUrl: 'http://127.0.0.1:1' }, 'API_UNAVAILABLE'],
    ['it is no URL', { apiUrl: 'ftp://x' }, 'INVALID_ARGUMENT'],
    ['the password is wrong', { url: 'amqp://guest:s3cret@localhost' }, 'AUTHENTICATION_FAILED'],
    ['there is no such vhost', { url: 'amqp://localhost/nope' }, 'VHOST_NOT_FOUND'],
  ] satisfies [string, ManagementApiOptions, string][])(
    'says so when %s, without the password',
    async (_, options, code) => {
      const listing = list({ apiUrl: inject('apiUrl').replace(/\/\/.*@/, '//'), ...options });
      await expect(listing).rejects.toMatchObject({ code, message: expect.not.stringContaining('s3cret') });
    },
  );

  test('says what a user without the management tag lacks', async () => {
    const { url } = await newVhost();
    await callApi('PUT', 'users/untagged', { password: 'pw', tags: '' });
    const listing = list({
      url: url.replace('://', '://untagged:pw@'),
      apiUrl: inject('apiUrl').replace(/\/\/.*@/, '//'),
    });
    await expect(listing).rejects.toMatchObject({
      code: 'ACCESS_REFUSED',
      hint: expect.stringContaining('management'),
    });
    await callApi('DELETE', 'users/untagged');
  });
});

/** More than the broker's statistics are old. */
const IDLE_MS = 7_000;

describe('pruning', () => {
  test('finds empty, unused queues only, and keeps what comes to use in between', async () => {
    const { url } = await newVhost();
    const client = openClient({ url });
    for (const taskId of ['forgotten', 'revived', 'full', 'consumed']) await client.publish(taskId, raw('x'));
    for (const taskId of ['forgotten', 'revived', 'consumed'])
      await client.clear(taskId, undefined, { keepQueue: true });
    const other = await connect(url);
    const channel = await other.createChannel();
    await channel.consume('mcp:queue:consumed', () => {});
    // A reply queue whose process is gone: RabbitMQ deletes it after ten minutes, and answers may still be in it.
    const replies = replyQueueName('A'.repeat(22), 'mcp:queue:');
    await channel.assertQueue(replies, { durable: true });
    const find = async () => {
      const found: string[] = [];
      for await (const page of findIdleTaskQueues({ url, apiUrl: inject('apiUrl'), idleMs: 0 }))
        found.push(...ids(page));
      return found;
    };
    // The broker's statistics come every five seconds.
    await expect.poll(find, { interval: 500 }).toEqual(['forgotten', 'revived']);
    await client.publish('revived', raw('just in time'));
    const outcomes = [];
    for await (const outcome of pruneTaskQueues(client, ['forgotten', 'revived', 'consumed', 'full'])) {
      outcomes.push(`${outcome.taskId} ${outcome.outcome}`);
    }
    expect(outcomes).toEqual(['forgotten deleted', 'revived kept', 'consumed kept', 'full kept']);
    expect(await client.depth('revived')).toEqual({ messages: 1, consumers: 0 });
    const { status } = await runCli([
      'prune',
      '--yes',
      '--idle',
      '0s',
      '-u',
      url,
      '--api-url',
      inject('apiUrl'),
    ]);
    expect(status).toBe(0);
    expect(await channel.checkQueue(replies)).toMatchObject({ messageCount: 0 });
    await other.close();
  });

  test('goes by when messages last came or went, whatever else resets an idle time', async () => {
    const { url } = await newVhost();
    const client = openClient({ url });
    const queueOf = (task: string) => `mcp:queue:${task}`;
    for (const task of ['forgotten', 'polled']) {
      await client.publish(task, raw('x'));
      await client.clear(task, undefined, { keepQueue: true });
    }
    // As a program that asks for messages again and again, and finds none.
    const other = await connect(url);
    const channel = await other.createChannel();
    await channel.assertQueue(queueOf('declared'), { durable: true });
    let leftOut: LeftOutQueues | undefined;
    const find = async (idleMs: number) => {
      const found: string[] = [];
      const onLeftOut = (left: LeftOutQueues) => {
        leftOut = left;
      };
      for await (const page of findIdleTaskQueues({ url, apiUrl: inject('apiUrl'), idleMs, onLeftOut }))
        found.push(...ids(page));
      return found;
    };
    const used = Date.now();
    const findWhileUsed = async () => {
      await channel.get(queueOf('polled'));
      // Counting them is no use, though RabbitMQ calls them busy then; it does so itself, every two minutes.
      await list({ url });
      await sleep(1_500);
      return find(IDLE_MS);
    };
    await expect.poll(findWhileUsed, { interval: 500 }).toEqual(['forgotten']);
    expect(Date.now() - used).toBeGreaterThan(IDLE_MS);
    expect(leftOut).toMatchObject({ unknown: 1 });
    await other.close();
  });

  test('racing publishers loses nothing but what RabbitMQ drops while it deletes a queue', async () => {
    const { url } = await newVhost();
    const cleaner = openClient({ url });
    const tasks = Array.from({ length: 50 }, (_, index) => `task-${index}`);
    for (const task of tasks) {
      await cleaner.publish(task, raw('x'));
      await cleaner.clear(task, undefined, { keepQueue: true });
    }
    const published = new Map<string, Span[]>(tasks.map((task) => [task, []]));
    let isPruning = true;
    const publishers = Array.from({ length: 4 }, async () => {
      const client = openClient({ url });
      while (isPruning) {
        const task = tasks[Math.floor(Math.random() * tasks.length)] as string;
        const from = performance.now();
        await client.publish(task, raw('x'));
        published.get(task)?.push({ from, to: performance.now() });
      }
    });
    const deletions = new Map<string, Span>();
    let from = 0;
    // It takes the next id when it is about to delete that queue.
    const timed = function* () {
      for (const task of tasks) {
        from = performance.now();
        yield task;
      }
    };
    const outcomes = { deleted: 0, kept: 0, failed: 0 };
    for await (const { taskId, outcome } of pruneTaskQueues(cleaner, timed())) {
      outcomes[outcome]++;
      if (outcome === 'deleted') deletions.set(taskId, { from, to: performance.now() });
    }
    isPruning = false;
    await Promise.all(publishers);
    for (const [task, spans] of published) {
      const deletion = deletions.get(task);
      const safe = spans.filter((span) => !deletion || span.to < deletion.from || span.from > deletion.to);
      const there = (await cleaner.depth(task))?.messages ?? 0;
      expect(there, task).toBeGreaterThanOrEqual(safe.length);
      expect(there, task).toBeLessThanOrEqual(spans.length);
    }
    expect(outcomes).toMatchObject({ deleted: expect.toSatisfy((count) => count > 0), failed: 0 });
    expect(outcomes.kept).toBeGreaterThan(0);
  });
});

/** When something was under way. */
interface Span {
  from: number;
  to: number;
}

test('a rejection of onLeftOut is passed on, as an error that it throws', async () => {
  const { url } = await newVhost();
  const other = await connect(url);
  const channel = await other.createChannel();
  const type = { 'x-queue-type': 'quorum' };
  await channel.assertQueue('mcp:queue:left-out', { durable: true, arguments: type });
  await other.close();
  const mine = new Error('mine');
  const onLeftOut = async () => Promise.reject(mine);
  const finding = findIdleTaskQueues({ url, apiUrl: inject('apiUrl'), onLeftOut });
  await finding.next();
  await expect(finding.next()).rejects.toBe(mine);
});
