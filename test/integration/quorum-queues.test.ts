import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'amqplib';
import { describe, expect, inject, test } from 'vitest';
import {
  findIdleTaskQueues,
  listTaskQueues,
  pruneTaskQueues,
  type TaskQueueInfo,
  watchTasks,
} from '../../src/index.ts';
import { newTask, numbered, openClient, openQueue, raw } from '../support/tasks.ts';
import { newVhost } from '../support/vhost.ts';
import { collectWarnings } from '../support/warnings.ts';

const quorum = { queueType: 'quorum' } as const;

describe('with queueType "quorum"', () => {
  test('the queue of a task is a quorum queue, and is used like any other', async () => {
    const { url } = await newVhost();
    const queue = openQueue({ url, ...quorum });
    for (let index = 0; index < 5; index++) await queue.enqueue('t', numbered(index));
    expect(await list(url)).toMatchObject([{ taskId: 't', type: 'quorum' }]);
    expect(await queue.size('t')).toBe(5);
    await queue.waitForMessage('t', { timeoutMs: 50_000 });
    expect(await queue.dequeue('t')).toEqual(numbered(0));
    expect(await queue.dequeueAll('t')).toEqual([1, 2, 3, 4].map(numbered));
    expect(await queue.isEmpty('t')).toBe(true);
    await expect(queue.enqueue('t', numbered(9), undefined, 1)).resolves.toBeUndefined();
    await expect(queue.enqueue('t', numbered(9), undefined, 1)).rejects.toMatchObject({
      code: 'QUEUE_OVERFLOW',
    });
  });

  test('messages are drained in order, and what a failing handler was given stays', async () => {
    const { url } = await newVhost();
    const client = openClient({ url, ...quorum });
    const bodies = Array.from({ length: 1_200 }, (_, index) => String(index));
    await Promise.all(bodies.map((body) => client.publish('t', raw(body))));
    const seen: string[] = [];
    const fail = async (batch: { body: Buffer }[]) => {
      if (seen.length >= 500) throw new Error('disk full');
      seen.push(...batch.map(({ body }) => body.toString()));
    };
    await expect(client.drain('t', fail, { batchSize: 500 })).rejects.toThrow('disk full');
    await expect.poll(async () => (await client.depth('t'))?.messages).toBe(1_200 - seen.length);
    await client.drain('t', (batch) => void seen.push(...batch.map(({ body }) => body.toString())));
    expect(seen).toEqual(bodies);
  });

  test.each([
    ['as fast as they come', 0],
    ['slowly', 30],
  ])('a drain of some messages, %s, delivers none of the others', async (_how, pauseMs) => {
    const { url } = await newVhost();
    const connection = await connect(url);
    const channel = await connection.createConfirmChannel();
    const lost = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'lost' };
    // What comes back once is dead-lettered.
    const own = { 'x-queue-type': 'quorum', 'x-delivery-limit': 0, ...lost };
    await channel.assertQueue('lost', { durable: true });
    await channel.assertQueue('mcp:queue:t', { durable: true, arguments: own });
    for (let index = 0; index < 3_000; index++)
      channel.sendToQueue('mcp:queue:t', Buffer.from(String(index)));
    await channel.waitForConfirms();
    const seen: number[] = [];
    const note = async (batch: { body: Buffer }[]) => {
      seen.push(...batch.map(({ body }) => Number(body)));
      await sleep(pauseMs);
    };
    const client = openClient({ url });
    for (const limit of [10, 700, 1_500]) expect(await client.drain('t', note, { limit })).toBe(limit);
    expect(seen.findIndex((number, index) => number !== index)).toBe(-1);
    await expect.poll(async () => (await client.depth('t'))?.messages).toBe(790);
    await sleep(200);
    expect((await channel.checkQueue('lost')).messageCount).toBe(0);
    await connection.close();
  });

  test('the emptied queue stays, and clearing reports that without losing a connection', async () => {
    const { url } = await newVhost();
    const { warnings, onStatus } = collectWarnings();
    const client = openClient({ url, ...quorum, onStatus });
    await client.publish('t', raw('a'));
    expect(await client.clear('t')).toBe(1);
    expect(await client.deleteIfUnused('t')).toBe(false);
    expect(await client.deleteIfUnused('missing')).toBe(true);
    await client.publish('t', raw('b'));
    expect(await client.depth('t')).toMatchObject({ messages: 1 });
    expect(warnings).toEqual([]);
    // Nothing is deleted, so there is no connection for it either.
    expect(client.stats().connections).toContainEqual(
      expect.objectContaining({ connection: 'delete', state: 'idle' }),
    );
  });

  test('a classic queue that is there already is refused, by name of the option, and is left as it is', async () => {
    const task = newTask();
    const plain = openClient();
    await plain.publish(task, raw('a'));
    const client = openClient(quorum);
    await expect(client.publish(task, raw('b'))).rejects.toMatchObject({
      code: 'QUEUE_MISMATCH',
      hint: expect.stringContaining('queueType'),
    });
    // Reading goes on with either type, and so does publishing to other tasks.
    expect(await client.take(task, ({ body }) => body.toString())).toBe('a');
  });
});

describe('with the default type', () => {
  test('a quorum queue is read and cleared, but not published to', async () => {
    const { url } = await newVhost();
    await openClient({ url, ...quorum }).publish('t', raw('a'));
    const client = openClient({ url });
    await expect(client.publish('t', raw('b'))).rejects.toMatchObject({ code: 'QUEUE_MISMATCH' });
    await client.publish('other', raw('c'));
    expect(await client.queueKind('t')).toMatchObject({ kind: 'quorum', isPlain: false });
    expect(await client.clear('t')).toBe(1);
    expect(await client.depth('t')).toMatchObject({ messages: 0 });
    expect(await client.depth('other')).toMatchObject({ messages: 1 });
  });

  test('clearing many tasks at once deletes the queue of each, beside quorum queues that end the connection', async () => {
    const { url, queueNames } = await newVhost();
    const { warnings, onStatus } = collectWarnings();
    const client = openClient({ url, onStatus });
    const maker = openClient({ url, ...quorum });
    const tasks = Array.from(
      { length: 40 },
      (_, index) => `${index % 10 === 9 ? 'quorum' : 'plain'}-${index}`,
    );
    await Promise.all(tasks.map((task) => (task.startsWith('q') ? maker : client).publish(task, raw('a'))));
    expect(await Promise.all(tasks.map((task) => client.clear(task)))).toEqual(tasks.map(() => 1));
    expect(warnings).toEqual([]);
    const left = tasks.filter((task) => task.startsWith('q')).map((task) => `mcp:queue:${task}`);
    expect((await queueNames()).sort()).toEqual(left.sort());
  });

  test('prune skips quorum queues, even one that it is asked to delete, and goes on', async () => {
    const { url } = await newVhost();
    const maker = openClient({ url, ...quorum });
    await maker.publish('quorum', raw('a'));
    await maker.clear('quorum');
    const client = openClient({ url });
    await client.publish('classic', raw('a'));
    await client.clear('classic', () => {}, { keepQueue: true });
    for await (const page of findIdleTaskQueues({ url, apiUrl: inject('apiUrl'), idleMs: 0 }))
      expect(page.map(({ taskId }) => taskId)).not.toContain('quorum');
    const outcomes = [];
    for await (const outcome of pruneTaskQueues(client, ['quorum', 'classic'])) outcomes.push(outcome);
    expect(outcomes).toEqual([
      { taskId: 'quorum', outcome: 'kept' },
      { taskId: 'classic', outcome: 'deleted' },
    ]);
  });

  test('take gives back what its handler refuses to its place, whatever the client takes the queue for', async () => {
    const { url } = await newVhost();
    const maker = openClient({ url, ...quorum });
    for (const text of ['a', 'b']) await maker.publish('t', raw(text));
    const client = openClient({ url });
    await expect(client.take('t', () => Promise.reject(new Error('disk full')))).rejects.toThrow('disk full');
    // A quorum queue takes it back some milliseconds later.
    await expect.poll(async () => (await client.depth('t'))?.messages).toBe(2);
    expect(await client.take('t', ({ body }) => body.toString())).toBe('a');
  });

  test('watch does not peek at a quorum queue, and says what it does not show', async () => {
    const { url } = await newVhost();
    const maker = openClient({ url, ...quorum, events: 'off' });
    await maker.publish('t', raw('there before'));
    const seen = [];
    for await (const item of watchTasks(openClient({ url }), ['t'], { tail: 5 })) {
      seen.push(item.kind === 'gap' ? item.reason : item.kind);
      if (seen.length === 1) await maker.publish('t', raw('without an event'));
      if (seen.length === 2) break;
    }
    expect(seen).toEqual([
      expect.stringContaining('not shown: not a plain classic queue'),
      expect.stringContaining('not shown: not a plain classic queue'),
    ]);
    // Nobody took it in hand.
    const other = await connect(url);
    const channel = await other.createChannel();
    expect(await channel.get('mcp:queue:t')).toMatchObject({ fields: { redelivered: false } });
    await other.close();
  });
});

async function list(url: string): Promise<TaskQueueInfo[]> {
  const queues: TaskQueueInfo[] = [];
  for await (const page of listTaskQueues({ url, apiUrl: inject('apiUrl') })) queues.push(...page);
  return queues;
}
