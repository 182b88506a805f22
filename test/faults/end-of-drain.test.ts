import { describe, expect, inject, test } from 'vitest';
import { encodeQueuedMessage, type TaskQueueClient } from '../../src/index.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { newTask, numbered, openClient, openQueue, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';

/** In the request that cancels a consumer, and in no other. */
const CONSUMER_TAG = 'amq.ctag';

/** Longer than a request takes on a busy machine. */
const DEADLINE_MS = 2_000;
const TOO_LATE_MS = 3 * DEADLINE_MS;

async function fill(client: TaskQueueClient, taskId: string, count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, (_, index) => client.publish(taskId, raw(`{"n":${index}}`))),
  );
}

const isReady = (client: TaskQueueClient, taskId: string, messages: number) =>
  until(async () => (await client.depth(taskId))?.messages === messages);

/** A client whose broker hears nothing of what follows the end of a consumer, such as the last acknowledgement. */
async function withDeafBroker() {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  proxy.fault = { kind: 'deaf', after: CONSUMER_TAG };
  return {
    proxy,
    client: openClient({ url: proxy.url, operationTimeoutMs: DEADLINE_MS, closeTimeoutMs: 500 }),
  };
}

describe('a broker that does not receive the last acknowledgement', () => {
  test('fails a drain, or a clear, whose messages are back', async () => {
    // At once, as both wait for the deadline.
    await Promise.all((['drain', 'clear'] as const).map(expectFailure));
  });

  async function expectFailure(method: 'drain' | 'clear'): Promise<void> {
    const other = openClient();
    const task = newTask();
    // More could come in two batches, and the first one is acknowledged before the end.
    await fill(other, task, 1);
    const { proxy, client } = await withDeafBroker();
    let handled = 0;
    const handle = (batch: readonly unknown[]) => {
      handled += batch.length;
    };
    await expect(client[method](task, handle)).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      message: expect.stringContaining('did not confirm that the last messages are removed'),
    });
    expect(handled).toBe(1);
    proxy.reset();
    await isReady(other, task, 1);
  }

  test('leaves what a handler has taken to its caller', async () => {
    const other = openClient();
    const task = newTask();
    await fill(other, task, 1);
    const { proxy, client } = await withDeafBroker();
    expect(await client.take(task, () => 'taken')).toBe('taken');
    proxy.reset();
    await isReady(other, task, 1);
  });
});

test('a drain does not end its consumer while messages that go back are on their way', async () => {
  const other = openClient();
  const task = newTask();
  await fill(other, task, 90);
  const { client } = await withDeafBroker();
  let isFirst = true;
  const handle = async () => {
    if (!isFirst) return;
    isFirst = false;
    // Everything that comes before the first acknowledgement, which brings the rest, has come.
    await isReady(other, task, 30);
  };
  await client.drain(task, handle, { limit: 60, batchSize: 30 }).catch(() => {});
  expect(await other.deleteIfUnused(task)).toBe(false);
  expect(await other.depth(task)).toMatchObject({ messages: 30 });
});

test('a broker that does not say whether it ended a consumer leaves all messages to their reader', async () => {
  const other = openClient();
  const task = newTask();
  const messages = Array.from({ length: 600 }, (_, n) => numbered(n));
  await Promise.all(messages.map((message) => other.publish(task, { body: encodeQueuedMessage(message) })));
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  proxy.fault = { kind: 'late', after: CONSUMER_TAG, ms: TOO_LATE_MS };
  const queue = openQueue({ url: proxy.url, operationTimeoutMs: DEADLINE_MS, closeTimeoutMs: 500 });
  expect(await queue.dequeueAll(task)).toEqual(messages);
});

test('a consumer that begins too late is ended, and what it got is back', async () => {
  const other = openClient();
  const task = newTask();
  await fill(other, task, 2_500);
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const client = openClient({ url: proxy.url, operationTimeoutMs: DEADLINE_MS });
  let looked = 0;
  const select = () => {
    // When the first channel holds as many as it may, another one is opened.
    if (++looked === 2_000) proxy.fault = { kind: 'late', after: task, ms: TOO_LATE_MS };
    return false;
  };
  await expect(client.drain(task, () => {}, { select })).rejects.toMatchObject({ code: 'NO_ANSWER' });
  proxy.fault = { kind: 'none' };
  await until(async () => {
    const { messages, consumers } = (await other.depth(task)) ?? {};
    return messages === 2_500 && consumers === 0;
  });
});
