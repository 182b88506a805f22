import { expect, inject, test } from 'vitest';
import { findIdleTaskQueues, listTaskQueues, TaskQueueClient, watchTasks } from '../../src/index.ts';
import { newTask, raw } from '../support/tasks.ts';
import { newVhost } from '../support/vhost.ts';

/** As callers write who pass on what they were given; `exactOptionalPropertyTypes` is on here. */
test('an option that is undefined counts as left out', async () => {
  const { url } = await newVhost();
  const tls = {
    ca: undefined,
    cert: undefined,
    key: undefined,
    passphrase: undefined,
    serverName: undefined,
    verify: undefined,
  };
  const connection = {
    url,
    prefix: undefined,
    tls,
    queueType: undefined,
    connectionName: undefined,
    connectTimeoutMs: undefined,
    reconnectTimeoutMs: undefined,
    operationTimeoutMs: undefined,
    confirmTimeoutMs: undefined,
    retryUnconfirmedMs: undefined,
    maxWaitingOperations: undefined,
    closeTimeoutMs: undefined,
    heartbeatSeconds: undefined,
    maxMessageBytes: undefined,
    redeclareAfterMs: undefined,
    events: undefined,
    onStatus: undefined,
    onMalformed: undefined,
  };
  const api = { ...connection, apiUrl: inject('apiUrl'), apiTimeoutMs: undefined, signal: undefined };
  const client = new TaskQueueClient(connection);
  const task = newTask();
  const once = { create: undefined, keepExpiration: undefined, confirmStored: undefined, maxSize: undefined };
  for (const text of ['1', '2', '3']) await client.publish(task, raw(text), once);
  await client.waitForMessage(task, { signal: undefined, timeoutMs: undefined });
  expect(await client.peek(task, { limit: undefined, skip: undefined })).toHaveLength(1);
  const drain = {
    limit: undefined,
    batchSize: undefined,
    select: undefined,
    allOrNone: undefined,
    signal: undefined,
    onRead: undefined,
    onRemoved: undefined,
  };
  expect(await client.drain(task, () => {}, { ...drain, limit: 1 })).toBe(1);
  const list = { glob: undefined, source: undefined, historyMs: undefined, onOtherVhosts: undefined };
  for await (const page of listTaskQueues({ ...api, ...list }))
    expect(page.map(({ taskId }) => taskId)).toEqual([task]);
  const idle = { glob: undefined, idleMs: undefined, onLeftOut: undefined, onOtherVhosts: undefined };
  for await (const page of findIdleTaskQueues({ ...api, ...idle })) expect(page).toEqual([]);
  const watch = { removals: undefined, peek: undefined, api: undefined, globs: undefined, signal: undefined };
  for await (const item of watchTasks(client, [task], { ...watch, tail: 1 })) {
    expect(item).toMatchObject({ kind: 'message', source: 'existing' });
    break;
  }
  expect(await client.clear(task, undefined, { ...drain, keepQueue: undefined })).toBe(2);
  expect(await client.depth(task)).toBeUndefined();
  await client.close({ timeoutMs: undefined });
});
