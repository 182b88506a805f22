import type { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks';
import { expect, inject } from 'vitest';
import { FaultProxy } from '../support/fault-proxy.ts';
import { queueOf } from '../support/raw-amqp.ts';
import { ACCEPTED, ask, openReplicas, serve, test } from '../support/replicas.ts';
import { observer, openClient, queueObserver } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { callApi } from '../support/vhost.ts';

/** A question that is asked in one process, by way of a proxy, and waits for its answer at another one. */
async function askedQuestion(store: InMemoryTaskStore) {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const asker = await serve(openReplicas([], { url: proxy.url }), store);
  const deliverer = await serve(openReplicas(), store);
  const taskId = await asker.startTask([{ hold: true }]);
  const answer = ask(asker, taskId);
  await until(async () => (await queueObserver().size(taskId)) === 1);
  const [question] = await openClient().peek(taskId);
  const replies = String(question?.properties.reply_to).slice('mcp:queue:'.length);
  let respond = () => {};
  const response = new Promise<typeof ACCEPTED>((resolve) => {
    respond = () => resolve(ACCEPTED);
  });
  deliverer.onAsked(() => response);
  const result = deliverer.taskResult(taskId).catch(() => {});
  await until(() => deliverer.received.length === 1);
  return {
    proxy,
    replies,
    answer,
    respond,
    end: async () => {
      await deliverer.client.experimental.tasks.cancelTask(taskId);
      await result;
    },
  };
}

test('an answer that comes while the asking process has no connection reaches it later', async ({
  store,
}) => {
  const { proxy, replies, answer, respond, end } = await askedQuestion(store);
  proxy.fault = { kind: 'gone' };
  proxy.reset();
  await until(async () => (await observer().depth(replies))?.consumers === 0);
  respond();
  await until(async () => (await observer().depth(replies))?.messages === 1);
  const { accepted } = proxy;
  await until(() => proxy.accepted > accepted);
  proxy.fault = { kind: 'none' };
  expect(await answer).toMatchObject({ action: 'accept' });
  await end();
});

test('a reply queue that is deleted is there again before the answer comes', async ({ store }) => {
  const { replies, answer, respond, end } = await askedQuestion(store);
  const deleted = await callApi('DELETE', `queues/%2F/${encodeURIComponent(queueOf(replies))}`);
  expect(deleted.status).toBe(204);
  await until(async () => (await observer().depth(replies))?.consumers === 1);
  respond();
  expect(await answer).toMatchObject({ action: 'accept' });
  await end();
});

test('a question is asked although its connection is lost twice before answers can be received', async ({
  store,
}) => {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const asker = await serve(openReplicas([], { url: proxy.url }), store);
  const taskId = await asker.startTask([{ hold: true }]);
  const hold = { kind: 'hold', answerTo: queueOf('replies:') } as const;
  proxy.fault = hold;
  const answer = ask(asker, taskId);
  for (const next of [hold, { kind: 'none' }] as const) {
    await until(() => proxy.isHolding);
    proxy.reset();
    // First without any, which forgets what was held.
    proxy.fault = { kind: 'none' };
    proxy.fault = next;
  }
  const result = asker.taskResult(taskId).catch(() => {});
  expect(await answer).toMatchObject({ action: 'accept' });
  await asker.client.experimental.tasks.cancelTask(taskId);
  await result;
});
