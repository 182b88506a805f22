import { expect, inject, test } from 'vitest';
import { FaultProxy } from '../support/fault-proxy.ts';
import { newTask, openClient, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';

/** Answers of the broker, by class and method. */
const ANSWERS = {
  'the opening of a channel': Buffer.from([0, 20, 0, 11]),
  'the selection of confirms': Buffer.from([0, 85, 0, 11]),
  'the declaration of the exchange of events': Buffer.from([0, 40, 0, 11]),
  'the declaration of a queue': Buffer.from([0, 50, 0, 11]),
  'the start of a consumer': Buffer.from([0, 60, 0, 21]),
};

/** In one read: amqplib ends the channel before anybody who awaited the answer can listen. */
test.each(Object.entries(ANSWERS))(
  'a broker that goes away together with %s is connected to again',
  async (_, answer) => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const client = openClient({ url: proxy.url });
    const task = newTask();
    const heard: unknown[] = [];
    const listener = {
      onEvent: ({ event }: { event: unknown }) => void heard.push(event),
      onLost: () => {},
      onResumed: () => {},
    };
    proxy.fault = { kind: 'farewell', with: answer };
    const subscription = await client
      .subscribe(['enqueued', 'dequeued'], listener)
      .catch(() => client.subscribe(['enqueued', 'dequeued'], listener));
    await subscription.follow(task);
    // Whatever met the end may fail; what follows may not.
    for (let n = 0; n < 6; n++) {
      if (n === 1 || n === 3) proxy.fault = { kind: 'farewell', with: answer };
      await client.publish(task, raw(`{"n":${n}}`)).catch(() => {});
      await client.peek(task).catch(() => {});
      await client.dequeue(task).catch(() => {});
    }
    proxy.fault = { kind: 'none' };
    heard.length = 0;
    await until(async () => {
      await client.publish(task, raw('{}'));
      await client.dequeue(task);
      return heard.includes('enqueued') && heard.includes('dequeued');
    });
    expect(proxy.farewells).toBeGreaterThan(0);
  },
);
