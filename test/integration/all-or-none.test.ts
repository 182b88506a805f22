import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'amqplib';
import { expect, inject, test } from 'vitest';
import { encodeQueuedMessage } from '../../src/index.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { extent } from '../support/figures.ts';
import { newTask, numbered, observer, openClient, openQueue, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';

/** More than two batches. */
const COUNT = 1_200;

const ROUNDS = extent(5, 30);

const ALL = Array.from({ length: COUNT }, (_, index) => numbered(index));

async function fill(task: string): Promise<void> {
  const queue = openQueue();
  await Promise.all(ALL.map((message) => queue.enqueue(task, message)));
}

/** A dequeueAll whose connection has fallen silent when a part of the messages was there. */
async function cutInTheMidst(task: string) {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const queue = openQueue({ url: proxy.url });
  await queue.size(task);
  const before = proxy.received;
  proxy.fault = { kind: 'cut', afterBytes: 150_000 };
  const all = queue.dequeueAll(task);
  await until(() => proxy.received > before + 150_000);
  return { proxy, all };
}

test('a message that cannot be decoded, behind many that can, keeps all of them in the queue', async () => {
  const task = newTask();
  await fill(task);
  await openClient().publish(task, raw('{"type":"request"}'));
  const queue = openQueue({ onMalformed: 'throw' });
  await expect(queue.dequeueAll(task)).rejects.toMatchObject({ code: 'MALFORMED_MESSAGE' });
  expect(await queue.size(task)).toBe(COUNT + 1);
  expect(await queue.peek(task)).toEqual(numbered(0));
});

test('dequeueAll of more than a batch takes the queue with it, and nothing that comes meanwhile', async () => {
  const queue = openQueue();
  const publisher = openClient();
  const latest = { body: encodeQueuedMessage(numbered(COUNT)), properties: { delivery_mode: 2 } };
  /** Of the call before. */
  let durationMs = 50;
  // From when the first message is read until the queue is gone, and after that.
  for (let round = 0; round <= ROUNDS; round++) {
    const task = newTask();
    await fill(task);
    const beganAt = performance.now();
    const all = queue.dequeueAll(task).finally(() => {
      durationMs = performance.now() - beganAt;
    });
    const moment = round === ROUNDS ? all : sleep((round / ROUNDS) * durationMs);
    const [taken] = await Promise.all([all, moment.then(() => publisher.publish(task, latest))]);
    const left = await queue.dequeueAll(task);
    expect([...taken, ...left]).toEqual([...ALL, numbered(COUNT)]);
    if (round === ROUNDS) expect(left).toHaveLength(1);
  }
});

test('what comes when all before it are held is delivered to nobody, and is not in the queue that goes with them', async () => {
  const task = newTask();
  await fill(task);
  const publisher = openClient();
  const latest = { body: encodeQueuedMessage(numbered(COUNT)), properties: { delivery_mode: 2 } };
  const handle = async (batch: unknown[], before: number) => {
    if (before + batch.length === COUNT) await publisher.publish(task, latest);
  };
  const client = openClient();
  expect(await client.clear(task, handle, { allOrNone: true })).toBe(COUNT);
  expect(await client.peek(task)).toEqual([{ ...latest, taskId: task, redelivered: false }]);
});

test('dequeueAll begins again when the connection is lost in its midst, and has each message once', async () => {
  const task = newTask();
  await fill(task);
  const { proxy, all } = await cutInTheMidst(task);
  // The next connection hears nothing until what the first one held is back.
  proxy.fault = { kind: 'mute' };
  proxy.reset();
  const other = openClient();
  await until(async () => (await other.depth(task))?.messages === COUNT);
  proxy.fault = { kind: 'none' };
  proxy.reset();
  expect(await all).toEqual(ALL);
  expect(await observer().depth(task)).toBeUndefined();
});

test('dequeueAll that begins again waits a moment for what the lost connection still holds', async () => {
  const task = newTask();
  await fill(task);
  const { proxy, all } = await cutInTheMidst(task);
  proxy.fault = { kind: 'mute' };
  proxy.reset();
  const client = openClient();
  await until(async () => (await client.depth(task))?.messages === COUNT);
  // In the place of the lost connection, as the broker cannot be made to notice its end this late.
  const holder = await connect(inject('url'));
  await (await holder.createChannel()).consume(`mcp:queue:${task}`, () => {});
  await until(async () => (await client.depth(task))?.messages === 0);
  const { accepted } = proxy;
  proxy.fault = { kind: 'none' };
  proxy.reset();
  await until(() => proxy.accepted > accepted);
  await sleep(300);
  await holder.close();
  expect(await all).toEqual(ALL);
});

test('dequeueAll that begins again has nothing when another reader has taken all meanwhile', async () => {
  const task = newTask();
  await fill(task);
  const { proxy, all } = await cutInTheMidst(task);
  // The next connection hears nothing until the other reader is done.
  proxy.fault = { kind: 'mute' };
  proxy.reset();
  const other = openQueue();
  const taken: unknown[] = [];
  await until(async () => taken.push(...(await other.dequeueAll(task))) === COUNT);
  proxy.fault = { kind: 'none' };
  proxy.reset();
  expect(taken).toEqual(ALL);
  expect(await all).toEqual([]);
});

test('an all-or-none drain passes the number of earlier messages, and removes nothing when it fails', async () => {
  const task = newTask();
  await fill(task);
  const client = openClient();
  const counts: number[] = [];
  const handle = (batch: unknown[], before: number) => {
    counts.push(before);
    if (before + batch.length === COUNT) throw new Error('The disk is full');
  };
  await expect(client.drain(task, handle, { allOrNone: true })).rejects.toThrow('The disk is full');
  expect(counts[0]).toBe(0);
  expect(counts).toEqual([...new Set(counts)].sort((a, b) => a - b));
  expect((await client.depth(task))?.messages).toBe(COUNT);
  expect(await client.drain(task, () => {}, { allOrNone: true })).toBe(COUNT);
});

test('a drain of all or none that is stopped removes nothing', async () => {
  const task = newTask();
  await fill(task);
  const client = openClient();
  const stop = new AbortController();
  expect(await client.drain(task, () => stop.abort(), { allOrNone: true, signal: stop.signal })).toBe(0);
  expect((await client.depth(task))?.messages).toBe(COUNT);
});
