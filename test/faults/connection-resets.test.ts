import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, inject, onTestFinished, test } from 'vitest';
import { decodeQueuedMessage, TaskQueueClient } from '../../src/index.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { duration, extent, noteFigures } from '../support/figures.ts';
import { NumberedLoad } from '../support/numbered-load.ts';
import { newTask, openClient, openQueue } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { callApi } from '../support/vhost.ts';

const FOR_MS = extent(4_000, 30_000);
const EVERY_MS = 50;

/** What the broker has of connections of this name. */
async function atBroker(name: string): Promise<{ connections: number; channels: number }> {
  const connections = (await (await callApi('GET', 'connections')).json()) as {
    user_provided_name?: string;
    channels?: number;
  }[];
  const ours = connections.filter(({ user_provided_name = '' }) => user_provided_name.startsWith(name));
  return {
    connections: ours.length,
    channels: ours.reduce((sum, { channels = 0 }) => sum + channels, 0),
  };
}

/** How many sockets, timers and the like would keep the process alive. */
function countResources(): number {
  return process.getActiveResourcesInfo().length;
}

/** Node warns of it when an emitter or a signal gets more than ten listeners of a kind. */
function collectWarnings(): Error[] {
  const warnings: Error[] = [];
  const collect = (warning: Error) => void warnings.push(warning);
  process.on('warning', collect);
  onTestFinished(() => void process.off('warning', collect));
  return warnings;
}

// A rejection that nobody handles, or an exception, fails a test run as a whole.
test(`connections reset every ${EVERY_MS} ms for ${FOR_MS / 1000} s lose nothing confirmed and leave nothing behind`, {
  timeout: FOR_MS + 300_000,
}, async () => {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const task = newTask();
  const connectionName = `resets-${randomUUID()}`;
  const warnings = collectWarnings();
  // Its own connection stays open as well, and is not what is counted.
  const direct = openClient({ events: 'off' });
  await direct.depth(task);
  await atBroker(connectionName);
  const before = countResources();
  const queue = openQueue({ url: proxy.url, connectionName });
  await queue.size(task);
  const load = new NumberedLoad(task);
  for (let index = 0; index < 4; index++) load.enqueue(queue);
  load.dequeue(queue);
  const waiting = new AbortController();
  const waits = queue.waitForMessage('never', { signal: waiting.signal }).catch((error) => error);
  let resets = 0;
  let resetAt = 0;
  for (const endAt = performance.now() + FOR_MS; performance.now() < endAt; ) {
    const before = load.confirmed.size;
    // The second one may come while it still connects. After it there has to be progress, for which a busy machine takes
    // longer.
    for (let count = 0; count < 2; count++) {
      await sleep(EVERY_MS);
      resets++;
      resetAt = performance.now();
      proxy.reset();
    }
    await until(() => load.confirmed.size > before);
  }
  const confirmed = load.confirmed.size;
  await until(() => load.confirmed.size > confirmed + 10);
  const recovered = ([...load.confirmed.values()].find((at) => at > resetAt) as number) - resetAt;
  await load.stop();
  waiting.abort(new Error('done'));
  expect(await waits).toMatchObject({ message: 'done' });

  // What the dead connections held comes back when the broker has noticed that they are dead. The queue stays until then:
  // with it would go what they still hold.
  await until(async () => {
    await direct.drain(task, (batch) => {
      for (const { body } of batch) load.note(decodeQueuedMessage(task, body));
    });
    return load.missing.length === 0;
  }, 60_000).catch(() => {});

  // One to publish, to read, to delete, and to be told of events; a channel for each operation at a time.
  let left = await atBroker(connectionName);
  await until(async () => {
    left = await atBroker(connectionName);
    // The API is some seconds behind: it knows the dead ones still, and not yet those that live.
    return left.connections <= 4 && left.channels > 0 && left.channels <= 12;
  }, 60_000).catch(() => {});
  await queue.close();
  let after = await atBroker(connectionName);
  await until(async () => {
    after = await atBroker(connectionName);
    return after.connections === 0;
  }, 60_000).catch(() => {});
  noteFigures({
    resets,
    connections: proxy.accepted,
    confirmed: load.confirmed.size,
    'of them during the resets': confirmed,
    'confirmed and lost': load.missing.length,
    'read twice': load.duplicates,
    'failed calls': load.failuresAsText,
    'first confirm after the last reset': duration(recovered),
    'connections (channels) at the broker before close': `${left.connections} (${left.channels})`,
    'after close': after.connections,
    'warnings of Node': warnings.length,
  });
  expect(load.missing).toEqual([]);
  const codes = ['PUBLISH_UNCONFIRMED', 'CONNECTION_LOST', 'CONNECTION_FAILED'];
  expect([...load.failures.keys()].filter((code) => !codes.includes(code))).toEqual([]);
  expect(left.connections).toBeGreaterThan(0);
  expect(left.connections).toBeLessThanOrEqual(4);
  expect(left.channels).toBeGreaterThan(0);
  expect(left.channels).toBeLessThanOrEqual(12);
  expect(after.connections).toBe(0);
  expect(warnings).toEqual([]);
  await proxy.close();
  // The test runner has timers of its own. A leak would be one for each reset.
  await until(() => countResources() < before + 5);
});

test('a message that was not confirmed is sent again with its message_id, where the option says so', async () => {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const task = newTask();
  const client = new TaskQueueClient({ url: proxy.url, retryUnconfirmedMs: 20_000 });
  onTestFinished(() => client.close());
  const message = (id: string) => ({
    body: Buffer.from('{}'),
    properties: { delivery_mode: 2, message_id: id },
  });
  await client.publish(task, message('first'));
  // The message arrives, and its confirm does not.
  proxy.fault = { kind: 'mute' };
  const publishing = client.publish(task, message('second'));
  const direct = openClient();
  await until(async () => (await direct.depth(task))?.messages === 2);
  proxy.fault = { kind: 'none' };
  proxy.reset();
  await publishing;
  const ids = (await direct.peek(task, { limit: 10 })).map(({ properties }) => properties.message_id);
  expect(ids).toEqual(['first', 'second', 'second']);
});

test('a message that was not confirmed is not sent again by default, nor one without message_id', async () => {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const direct = openClient();
  for (const [retryUnconfirmedMs, properties] of [
    [0, { message_id: 'mine' }],
    [20_000, {}],
  ] as const) {
    const task = newTask();
    const client = openClient({ url: proxy.url, retryUnconfirmedMs });
    await client.publish(task, { body: Buffer.from('{}'), properties });
    proxy.fault = { kind: 'mute' };
    const publishing = client.publish(task, { body: Buffer.from('{}'), properties });
    const outcome = expect(publishing).rejects.toMatchObject({
      name: 'PublishUnconfirmedError',
      code: 'PUBLISH_UNCONFIRMED',
      messageId: 'message_id' in properties ? 'mine' : undefined,
    });
    await until(async () => (await direct.depth(task))?.messages === 2);
    proxy.fault = { kind: 'none' };
    proxy.reset();
    await outcome;
    expect(await direct.depth(task)).toMatchObject({ messages: 2 });
  }
});

test('a message that was confirmed counts as unconfirmed while nobody can say whether its queue is still there', async () => {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const task = newTask();
  const publishing = (operationTimeoutMs: number) => {
    const client = openClient({ url: proxy.url, operationTimeoutMs });
    // The message gets through, and so does its confirm; the look at the queue does not arrive.
    proxy.fault = { kind: 'deaf', after: 'a revived task' };
    return client.publish(task, { body: Buffer.from('a revived task'), properties: { message_id: 'mine' } });
  };
  await expect(publishing(4_000)).rejects.toMatchObject({
    code: 'PUBLISH_UNCONFIRMED',
    messageId: 'mine',
    message: expect.stringMatching(/was confirmed.*whether its queue still exists.*within 4000 ms/),
    cause: { code: 'NO_ANSWER' },
  });
  const direct = openClient();
  expect(await direct.depth(task)).toMatchObject({ messages: 1 });
  const { unheard } = proxy;
  const secondTime = publishing(20_000);
  // The look that did not arrive was sent, so the confirm has come.
  await until(async () => proxy.unheard > unheard && (await direct.depth(task))?.messages === 2);
  proxy.fault = { kind: 'none' };
  proxy.reset();
  // Looked at again on a new connection.
  await secondTime;
  expect(await direct.depth(task)).toMatchObject({ messages: 2 });
});

test('what the retries of an unconfirmed message fail of does not hide that it may be in the queue', async () => {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const task = newTask();
  const client = openClient({ url: proxy.url, retryUnconfirmedMs: 6_000, reconnectTimeoutMs: 300 });
  const message = { body: Buffer.from('{}'), properties: { message_id: 'mine' } };
  await client.publish(task, message);
  // Connected before the time of the retries runs.
  const direct = openClient();
  await direct.depth(task);
  proxy.fault = { kind: 'mute' };
  const outcome = expect(client.publish(task, message)).rejects.toMatchObject({
    code: 'PUBLISH_UNCONFIRMED',
    messageId: 'mine',
    message: expect.stringMatching(/did not confirm it in \d+ attempts.*Cannot connect/),
    cause: { code: 'CONNECTION_FAILED' },
  });
  await until(async () => (await direct.depth(task))?.messages === 2);
  await proxy.close();
  await outcome;
});
