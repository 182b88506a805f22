import { beforeAll, describe, expect, test } from 'vitest';
import { type RunningBroker, type WatchItem, watchTasks } from '../../src/index.ts';
import { startPrivateBroker, untilQueuesLast } from '../support/broker.ts';
import { numbered, openClient, openQueue, raw } from '../support/tasks.ts';

let broker: RunningBroker;

beforeAll(async () => {
  broker = await startPrivateBroker();
}, 120_000);

describe('a broker that is killed and started again', () => {
  test('has every confirmed message, and the queue goes on by itself', async () => {
    const queue = openQueue({ url: broker.url });
    for (let index = 0; index < 100; index++) await queue.enqueue('task', numbered(index));
    await untilQueuesLast();
    await broker.kill();
    const during = queue.enqueue('task', numbered(100));
    await broker.restart();
    await during;
    const messages = await queue.dequeueAll('task');
    expect(messages.slice(0, 100)).toEqual(Array.from({ length: 100 }, (_, index) => numbered(index)));
    // The one that was on its way when the connection went may have been sent again.
    expect(messages.slice(100)).toContainEqual(numbered(100));
  }, 120_000);

  test('is waited for by a watch, which says so and shows what came meanwhile', async () => {
    const publisher = openClient({ url: broker.url });
    await publisher.publish('watched', raw('before'));
    const items: WatchItem[] = [];
    const watching = (async () => {
      for await (const item of watchTasks(openClient({ url: broker.url }), ['watched'], { tail: 1 })) {
        items.push(item);
        if (item.kind === 'message' && item.message.body.toString() === 'after') return;
      }
    })();
    await expect.poll(() => items.length).toBe(1);
    await broker.kill();
    await expect.poll(() => items.at(-1)?.kind).toBe('interrupted');
    await broker.restart();
    await expect.poll(() => items.at(-1)?.kind, { timeout: 20_000 }).toBe('resumed');
    await publisher.publish('watched', raw('after'));
    await watching;
    expect(items.map((item) => item.kind)).toEqual(['message', 'interrupted', 'resumed', 'message']);
  }, 120_000);
});
