import { beforeAll, describe, expect, test } from 'vitest';
import { watchTasks } from '../../src/index.ts';
import type { RunningBroker } from '../../src/local-broker/index.ts';
import { startPrivateBroker, untilQueuesLast } from '../support/broker.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { numbered, openClient, openQueue, raw } from '../support/tasks.ts';

let broker: RunningBroker;

beforeAll(async () => {
  broker = await startPrivateBroker();
}, 120_000);

describe('a broker that is killed and started again', () => {
  test('has every confirmed message, and the queue goes on by itself', async () => {
    // Longer than a restart may take.
    const queue = openQueue({ url: broker.url, reconnectTimeoutMs: 120_000 });
    for (let index = 0; index < 100; index++) await queue.enqueue('task', numbered(index));
    await untilQueuesLast();
    await broker.kill();
    await Promise.all([queue.enqueue('task', numbered(100)), broker.restart()]);
    const messages = await queue.dequeueAll('task');
    expect(messages.slice(0, 100)).toEqual(Array.from({ length: 100 }, (_, index) => numbered(index)));
    // The one that was on its way when the connection went may have been sent again.
    expect(messages.slice(100)).toContainEqual(numbered(100));
  }, 120_000);

  test('is waited for by a watch, which says so and shows what came meanwhile', async () => {
    const publisher = openClient({ url: broker.url });
    await publisher.publish('watched', raw('before'));
    await untilQueuesLast();
    // In between, so that a message can come before the watch is back.
    const proxy = await FaultProxy.inFrontOf(broker.url);
    const seen: string[] = [];
    const watching = (async () => {
      for await (const item of watchTasks(openClient({ url: proxy.url }), ['watched'], { tail: 1 })) {
        seen.push(item.kind === 'message' ? item.message.body.toString() : item.kind);
        if (seen.at(-1) === 'after') return;
      }
    })();
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual(['before']);
    await broker.kill();
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual(['before', 'interrupted']);
    proxy.fault = { kind: 'gone' };
    await broker.restart();
    await publisher.publish('watched', raw('meanwhile'));
    expect(seen).toEqual(['before', 'interrupted']);
    proxy.fault = { kind: 'none' };
    // It comes back on one connection, and looks at the queue on another one: in either order.
    const back = ['before', 'interrupted', 'meanwhile', 'resumed'];
    await expect.poll(() => [...seen].sort(), { timeout: 30_000 }).toEqual(back);
    await publisher.publish('watched', raw('after'));
    await watching;
    expect(seen.slice(4)).toEqual(['after']);
  }, 120_000);
});
