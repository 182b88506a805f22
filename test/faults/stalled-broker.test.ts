import { describe, expect, inject, test } from 'vitest';
import type { QueuedMessage, TaskQueueOptions } from '../../src/index.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { newTask, numbered, openClient, openQueue, raw } from '../support/tasks.ts';

const SHORT: TaskQueueOptions = {
  connectTimeoutMs: 1_500,
  reconnectTimeoutMs: 1_500,
  operationTimeoutMs: 300,
  confirmTimeoutMs: 300,
  closeTimeoutMs: 300,
};

/** Longer than any of the deadlines together, and much shorter than a hang. */
const SOON_MS = 6_000;

async function soon<T>(work: Promise<T>): Promise<T> {
  const begun = performance.now();
  try {
    return await work;
  } finally {
    expect(performance.now() - begun).toBeLessThan(SOON_MS);
  }
}

describe('a broker that accepts and never answers', () => {
  test('fails the first call by the connect timeout, and close at once', async () => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    proxy.fault = { kind: 'stall' };
    const queue = openQueue({ url: proxy.url, ...SHORT });
    await soon(expect(queue.size('task')).rejects.toMatchObject({ code: 'CONNECTION_FAILED' }));
    await soon(
      expect(queue.enqueue('task', numbered(1))).rejects.toMatchObject({ code: 'CONNECTION_FAILED' }),
    );
    await soon(queue.close());
  });

  test('close ends a call that is connecting', async () => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    proxy.fault = { kind: 'stall' };
    const queue = openQueue({ url: proxy.url });
    const [size] = await Promise.allSettled([queue.size('task'), soon(queue.close())]);
    expect(size).toMatchObject({ reason: { code: 'CLOSED' } });
  });
});

describe('a broker that goes silent', () => {
  test.each(['stall', 'mute'] as const)(
    '(%s) ends every call by its deadline with a typed error, and close too',
    async (kind) => {
      const proxy = await FaultProxy.inFrontOf(inject('url'));
      const task = newTask();
      const client = openClient({ url: proxy.url, ...SHORT });
      const queue = openQueue({ url: proxy.url, ...SHORT });
      await client.publish(task, raw('before'));
      await client.depth(task);
      await queue.enqueue(task, numbered(1));
      await queue.size(task);
      proxy.fault = { kind };
      const code = expect.stringMatching(/^(TIMEOUT|CONNECTION_LOST|CONNECTION_FAILED)$/);
      await Promise.all([
        soon(expect(client.publish(task, raw('x'))).rejects.toMatchObject({ code: 'PUBLISH_UNCONFIRMED' })),
        soon(expect(client.publish(newTask(), raw('x'))).rejects.toMatchObject({ code })),
        soon(expect(client.take(task, () => {})).rejects.toMatchObject({ code })),
        soon(expect(client.peek(task)).rejects.toMatchObject({ code })),
        soon(expect(client.depth(task)).rejects.toMatchObject({ code })),
        soon(expect(client.drain(task, () => {})).rejects.toMatchObject({ code })),
        soon(expect(client.deleteIfUnused(newTask())).rejects.toMatchObject({ code })),
        soon(expect(queue.dequeueAll(task)).rejects.toMatchObject({ code })),
        soon(expect(queue.waitForMessage(task, { timeoutMs: 600 })).rejects.toMatchObject({ code })),
      ]);
      await soon(Promise.all([client.close(), queue.close()]));
      proxy.fault = { kind: 'none' };
    },
  );

  test('in the middle of a message fails the get by its deadline, and loses nothing', async () => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const task = newTask();
    const direct = openClient();
    await direct.publish(task, { body: Buffer.alloc(50_000, 'x'), properties: { delivery_mode: 2 } });
    const client = openClient({ url: proxy.url, ...SHORT });
    await client.depth(task);
    proxy.fault = { kind: 'cut', afterBytes: 20_000 };
    await soon(expect(client.take(task, () => {})).rejects.toMatchObject({ code: 'TIMEOUT' }));
    proxy.reset();
    await expect.poll(() => direct.depth(task)).toEqual({ messages: 1, consumers: 0 });
  });
});

describe('a connection that is reset', () => {
  test('again and again, loses no confirmed message, and nothing hangs or crashes', async () => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const task = newTask();
    const queue = openQueue({ url: proxy.url });
    const confirmed = new Set<number>();
    const taken = new Map<number, number>();
    const codes = new Set<string>();
    const resets = setInterval(() => proxy.reset(), 50);
    const until = Date.now() + 4_000;
    let next = 0;
    const enqueuers = Array.from({ length: 4 }, async () => {
      while (Date.now() < until) {
        const index = next++;
        await queue.enqueue(task, numbered(index)).then(
          () => confirmed.add(index),
          (error) => codes.add(error.code),
        );
      }
    });
    const note = ({ timestamp }: QueuedMessage) => {
      const index = timestamp - numbered(0).timestamp;
      taken.set(index, (taken.get(index) ?? 0) + 1);
    };
    const dequeuer = async () => {
      while (Date.now() < until) {
        await queue.dequeue(task).then(
          (message) => message && note(message),
          (error) => codes.add(error.code),
        );
      }
    };
    await Promise.all([...enqueuers, dequeuer()]);
    clearInterval(resets);
    const direct = openQueue();
    // What the dead connections held comes back when the broker has noticed that they are dead.
    await expect
      .poll(
        async () => {
          for (const message of await direct.dequeueAll(task)) note(message);
          return [...confirmed].filter((index) => !taken.has(index));
        },
        { timeout: 10_000 },
      )
      .toEqual([]);
    expect(confirmed.size).toBeGreaterThan(10);
    expect(
      [...codes].filter(
        (code) => !['PUBLISH_UNCONFIRMED', 'CONNECTION_LOST', 'CONNECTION_FAILED'].includes(code),
      ),
    ).toEqual([]);
  });
});
