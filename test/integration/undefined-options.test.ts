import { expect, inject, test } from 'vitest';
import { findIdleTaskQueues, listTaskQueues, TaskQueueClient, watchTasks } from '../../src/index.ts';
import { newTask, raw } from '../support/tasks.ts';
import { newVhost } from '../support/vhost.ts';

/** As callers write who pass on what they were given; `exactOptionalPropertyTypes` is on here. */
test.each([undefined, null])('an option that is %s counts as left out', async (value) => {
  // Null as callers in JavaScript write it.
  const leftOut = value as undefined;
  const { url } = await newVhost();
  const tls = {
    ca: leftOut,
    cert: leftOut,
    key: leftOut,
    passphrase: leftOut,
    serverName: leftOut,
    verify: leftOut,
  };
  const connection = {
    url,
    prefix: leftOut,
    tls,
    queueType: leftOut,
    connectionName: leftOut,
    connectTimeoutMs: leftOut,
    reconnectTimeoutMs: leftOut,
    operationTimeoutMs: leftOut,
    confirmTimeoutMs: leftOut,
    retryUnconfirmedMs: leftOut,
    maxWaitingOperations: leftOut,
    closeTimeoutMs: leftOut,
    heartbeatSeconds: leftOut,
    maxMessageBytes: leftOut,
    redeclareAfterMs: leftOut,
    events: leftOut,
    onStatus: leftOut,
    onMalformed: leftOut,
  };
  const api = { ...connection, apiUrl: inject('apiUrl'), apiTimeoutMs: leftOut, signal: leftOut };
  const client = new TaskQueueClient(connection);
  const task = newTask();
  const once = { create: leftOut, keepExpiration: leftOut, confirmStored: leftOut, maxSize: leftOut };
  for (const text of ['1', '2', '3']) await client.publish(task, raw(text), once);
  await client.waitForMessage(task, { signal: leftOut, timeoutMs: leftOut });
  expect(await client.peek(task, { limit: leftOut, skip: leftOut })).toHaveLength(1);
  const drain = {
    limit: leftOut,
    batchSize: leftOut,
    select: leftOut,
    allOrNone: leftOut,
    signal: leftOut,
    onRead: leftOut,
    onRemoved: leftOut,
    onEnd: leftOut,
  };
  expect(await client.drain(task, () => {}, { ...drain, limit: 1 })).toBe(1);
  const list = {
    glob: leftOut,
    source: leftOut,
    historyMs: leftOut,
  };
  for await (const page of listTaskQueues({ ...api, ...list }))
    expect(page.map(({ taskId }) => taskId)).toEqual([task]);
  const idle = {
    glob: leftOut,
    idleMs: leftOut,
    onLeftOut: leftOut,
  };
  for await (const page of findIdleTaskQueues({ ...api, ...idle })) expect(page).toEqual([]);
  const watch = { removals: undefined, peek: undefined, api: undefined, globs: undefined, signal: undefined };
  for await (const item of watchTasks(client, [task], { ...watch, tail: 1 })) {
    expect(item).toMatchObject({ kind: 'message', source: 'existing' });
    break;
  }
  expect(await client.clear(task, undefined, { ...drain, keepQueue: leftOut })).toBe(2);
  expect(await client.depth(task)).toBeUndefined();
  await client.close({ timeoutMs: leftOut });
});
