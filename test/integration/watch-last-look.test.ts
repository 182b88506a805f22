import { connect } from 'amqplib';
import { describe, expect, inject, test } from 'vitest';
import { encodeEvents, enqueuedEvent, routingKeyOf } from '../../src/events/task-events.ts';
import { type ManagementApiOptions, type WatchItem, watchTasks } from '../../src/index.ts';
import { proxyApi } from '../support/api-proxy.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { newTask, openClient, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { newVhost } from '../support/vhost.ts';
import { publishForeign, texts } from '../support/watching.ts';

/**
 * The management API of a new vhost, with the lists of queues that were requested. Statistics are those given, or none;
 * while there are none of those given, they are waited for.
 */
async function newApi(statistics?: object[]) {
  const { url } = await newVhost();
  const lists: ('counted' | 'statistics')[] = [];
  let answers = 0;
  let isSilent = false;
  let failures = 0;
  const apiUrl = await proxyApi({
    answer: ({ url: path = '' }, response) => {
      if (!path.includes('/api/queues/')) return false;
      const isCounted = path.includes('disable_stats');
      lists.push(isCounted ? 'counted' : 'statistics');
      response.once('finish', () => {
        answers++;
      });
      if (failures > 0) {
        failures--;
        response.writeHead(503).end();
        return true;
      }
      if (!isCounted && !isSilent)
        void until(() => statistics?.length !== 0).then(() =>
          response
            .writeHead(200, { 'content-type': 'application/json' })
            .end(JSON.stringify(statistics ?? [])),
        );
      return isSilent || !isCounted;
    },
  });
  const failOnce = () => {
    failures = 1;
  };
  const silence = () => {
    isSilent = true;
  };
  return { url, lists, answers: () => answers, failOnce, silence, api: { url, apiUrl } };
}

const queueOf = (taskId: string, url: string, messages_ready: number) => ({
  name: `mcp:queue:${taskId}`,
  vhost: new URL(url).pathname.slice(1),
  messages_ready,
  consumers: 0,
});

/** Watches all tasks without looks until the signal. The messages that are there have been counted after the first item. */
async function watchAll(
  { url, api, answers }: { url: string; api: ManagementApiOptions; answers: () => number },
  onBegun: (stop: () => void) => Promise<void>,
  onItem: (item: WatchItem, stop: () => void) => void = () => {},
): Promise<WatchItem[]> {
  const stop = new AbortController();
  const begun = until(() => answers() > 0)
    // It reads the answer.
    .then(() => pause(300))
    .then(() => onBegun(() => stop.abort()));
  const items: WatchItem[] = [];
  for await (const item of watchTasks(openClient({ url }), [], { api, peek: false, signal: stop.signal })) {
    items.push(item);
    onItem(item, () => stop.abort());
  }
  await begun;
  return items;
}

describe('what a watch has not shown', () => {
  test('is shown when the watch ends right after a burst without events', async () => {
    const task = newTask();
    await openClient().publish(task, raw('first'));
    const stop = new AbortController();
    const items: WatchItem[] = [];
    for await (const item of watchTasks(openClient(), [task], { tail: 1, signal: stop.signal })) {
      items.push(item);
      if (items.length > 1) continue;
      await publishForeign(task, ['a', 'b', 'c']);
      stop.abort();
    }
    expect(texts(items)).toEqual(['first', 'a', 'b', 'c']);
  });

  test('is shown when a reader has taken it already, and its event is on its way', async () => {
    const task = newTask();
    const queue = `mcp:queue:${task}`;
    const event = enqueuedEvent(task, queue, { body: Buffer.from('taken'), properties: {} }, true);
    const connection = await connect(inject('url'));
    const channel = await connection.createChannel();
    await openClient().publish(task, raw('before'));
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const watcher = openClient({ url: proxy.url });
    const stop = new AbortController();
    const items: WatchItem[] = [];
    for await (const item of watchTasks(watcher, [task], { tail: 1, signal: stop.signal })) {
      items.push(item);
      if (items.length > 1) continue;
      // It has come as far as the proxy when the watch ends.
      proxy.fault = { kind: 'delay', ms: 100 };
      const before = proxy.received;
      channel.publish('mcp:events', routingKeyOf(event), encodeEvents([event]));
      await until(() => proxy.received > before);
      stop.abort();
    }
    await connection.close();
    expect(texts(items)).toEqual(['before', 'taken']);
  });

  test('is counted when the watch ends, where it cannot be looked at', async () => {
    const task = newTask();
    await openClient().publish(task, raw('first'));
    const stop = new AbortController();
    const items: WatchItem[] = [];
    const options = { tail: 1, peek: false, signal: stop.signal };
    for await (const item of watchTasks(openClient(), [task], options)) {
      items.push(item);
      if (items.length > 1) continue;
      await publishForeign(task, ['a', 'b', 'c']);
      stop.abort();
    }
    expect(items.slice(1)).toEqual([
      { kind: 'gap', taskId: task, missed: 3, reason: '3 messages, not shown: the watch ended first' },
    ]);
  });

  test('is counted in all tasks when none was named, without what was there before', async () => {
    const broker = await newApi();
    await publishForeign('a', ['old', 'old too'], broker.url);
    const items = await watchAll(broker, async (stop) => {
      await publishForeign('a', ['new'], broker.url);
      await publishForeign('b', ['new', 'new too'], broker.url);
      stop();
    });
    expect(items).toEqual([
      {
        kind: 'gap',
        taskId: undefined,
        missed: 3,
        reason: '3 messages in 2 tasks, not shown: the watch ended first',
      },
    ]);
    expect(broker.lists.at(0)).toBe('counted');
    expect(broker.lists.at(-1)).toBe('counted');
  });

  test('is said soon after the statistics show it, rather than after the next list', async () => {
    const statistics: object[] = [];
    const broker = await newApi(statistics);
    const listsBefore: string[][] = [];
    const items = await watchAll(
      broker,
      async () => {
        await publishForeign('a', ['a', 'b'], broker.url);
        statistics.push(queueOf('a', broker.url, 2));
      },
      (_, stop) => {
        listsBefore.push([...broker.lists]);
        stop();
      },
    );
    expect(items).toMatchObject([
      { kind: 'gap', taskId: 'a', missed: 2, reason: expect.stringContaining('off') },
    ]);
    expect(listsBefore).toEqual([['counted', 'statistics']]);
  });

  test('is said although the management API was away when it came', async () => {
    const statistics: object[] = [];
    const broker = await newApi(statistics);
    const items = await watchAll(
      broker,
      async () => {
        broker.failOnce();
        await publishForeign('a', ['a', 'b'], broker.url);
        statistics.push(queueOf('a', broker.url, 2));
      },
      (item, stop) => void (item.kind === 'gap' && item.missed && stop()),
    );
    expect(items).toMatchObject([
      { kind: 'gap', taskId: undefined, reason: expect.stringContaining('not seen for now') },
      { kind: 'gap', taskId: 'a', missed: 2 },
    ]);
  });

  test('is not known when the broker does not answer at the end, which is said', async () => {
    const broker = await newApi();
    const items = await watchAll(broker, async (stop) => {
      broker.silence();
      stop();
    });
    expect(items).toEqual([
      {
        kind: 'gap',
        taskId: undefined,
        reason: 'the last messages were not counted: this took longer than 3 s',
      },
    ]);
  });
});

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
