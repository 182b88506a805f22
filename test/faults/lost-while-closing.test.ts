import { connect } from 'amqplib';
import { expect, inject, test } from 'vitest';
import { FaultProxy } from '../support/fault-proxy.ts';
import { queueOf } from '../support/raw-tasks.ts';
import { newTask, openClient, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';

/** So long that a test which waits for it fails. */
const FOREVER_MS = 600_000;

/** What amqplib says as it closes a channel, or a connection. */
test.each(['Goodbye', 'Cheers'])('a client is closed when its connection is lost at "%s"', async (before) => {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const client = openClient({ url: proxy.url, closeTimeoutMs: FOREVER_MS });
  const task = newTask();
  await client.publish(task, raw('"a"'));
  await client.depth(task);
  proxy.fault = { kind: 'deaf', before };
  const closed = client.close();
  await until(() => proxy.unheard > 0);
  proxy.reset();
  await closed;
});

test('a subscription is closed, with what it has asked for, when it and its client are closed at once', async () => {
  const client = openClient({ closeTimeoutMs: FOREVER_MS, operationTimeoutMs: FOREVER_MS });
  const listener = { onEvent: () => {}, onLost: () => {}, onResumed: () => {} };
  const subscription = await client.subscribe(['enqueued'], listener);
  const following = subscription.follow(newTask());
  await Promise.all([subscription.close(), client.close()]);
  await following;
});

test('a publisher goes on when its connection is lost while it replaces the channel of rejected messages', async () => {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const client = openClient({ url: proxy.url, queueType: 'quorum', operationTimeoutMs: FOREVER_MS });
  const task = newTask();
  const connection = await connect(inject('url'));
  await (await connection.createChannel()).assertQueue(queueOf(task), {
    durable: true,
    arguments: { 'x-queue-type': 'quorum', 'x-max-length': 1, 'x-overflow': 'reject-publish' },
  });
  await connection.close();
  proxy.fault = { kind: 'deaf', before: 'Goodbye' };
  const publishUntilFull = async () => {
    for (;;) await client.publish(task, raw('"a"'), { create: false });
  };
  await expect(publishUntilFull()).rejects.toMatchObject({ code: 'PUBLISH_REJECTED' });
  await until(() => proxy.unheard > 0);
  proxy.fault = { kind: 'none' };
  proxy.reset();
  await client.publish(newTask(), raw('"b"'));
});
