import { randomBytes } from 'node:crypto';
import { describe, expect, inject, test } from 'vitest';
import { type TaskQueueOptions, watchTasks } from '../../src/index.ts';
import type { SubscriptionListener } from '../../src/options/client-options.ts';
import { type Fault, FaultProxy } from '../support/fault-proxy.ts';
import { newTask, numbered, openClient, openQueue, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { newVhost } from '../support/vhost.ts';

const SHORT: TaskQueueOptions = {
  connectTimeoutMs: 1_500,
  reconnectTimeoutMs: 1_500,
  operationTimeoutMs: 300,
  confirmTimeoutMs: 300,
  closeTimeoutMs: 300,
};

/** Longer than all of the deadlines together on a machine that stalls, and much shorter than a hang, which takes 30 s. */
const SOON_MS = 15_000;

const LISTENER: SubscriptionListener = {
  onEvent: () => {},
  onLost: () => {},
  onResumed: () => {},
};

const MISSED = ['NO_ANSWER', 'CONNECTION_LOST', 'CONNECTION_FAILED', 'PUBLISH_UNCONFIRMED'];

/**
 * While all is well, with a client whose deadlines are short: a busy machine or a slow disk may miss one of them all the
 * same, and then it is done again.
 */
async function setUp(work: () => Promise<unknown>): Promise<void> {
  await until(async () => {
    try {
      await work();
      return true;
    } catch (error) {
      if (!MISSED.includes((error as { code: string }).code)) throw error;
      return false;
    }
  });
}

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
  test.each<[what: string, fault: Fault]>([
    ['takes nothing and hangs up on nobody', { kind: 'stall' }],
    ['takes everything and answers nothing', { kind: 'mute' }],
    ['stops in the middle of a frame', { kind: 'cut', afterBytes: 3 }],
  ])('and %s ends every call by its deadline with a typed error, and close too', async (_, fault) => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const task = newTask();
    const client = openClient({ url: proxy.url, ...SHORT });
    const queue = openQueue({ url: proxy.url, ...SHORT });
    await setUp(async () => {
      await client.publish(task, raw('before'));
      await client.depth(task);
      await queue.enqueue(task, numbered(1));
      await queue.size(task);
    });
    proxy.fault = fault;
    const code = expect.stringMatching(/^(NO_ANSWER|BUSY|CONNECTION_LOST|CONNECTION_FAILED)$/);
    await Promise.all([
      soon(expect(client.publish(task, raw('x'))).rejects.toMatchObject({ code: 'PUBLISH_UNCONFIRMED' })),
      soon(expect(client.publish(newTask(), raw('x'))).rejects.toMatchObject({ code })),
      soon(expect(client.take(task, () => {})).rejects.toMatchObject({ code })),
      soon(expect(client.peek(task)).rejects.toMatchObject({ code })),
      soon(expect(client.depth(task)).rejects.toMatchObject({ code })),
      soon(expect(client.queueKind(task)).rejects.toMatchObject({ code })),
      soon(expect(client.clear(task)).rejects.toMatchObject({ code })),
      soon(expect(client.subscribe(['enqueued'], LISTENER)).rejects.toMatchObject({ code })),
      soon(expect(watchTasks(client, [task]).next()).rejects.toMatchObject({ code })),
      soon(expect(openClient({ url: proxy.url, ...SHORT }).connect()).rejects.toMatchObject({ code })),
      soon(expect(client.drain(task, () => {})).rejects.toMatchObject({ code })),
      soon(expect(client.deleteIfUnused(newTask())).rejects.toMatchObject({ code })),
      soon(expect(queue.enqueue(task, numbered(2))).rejects.toMatchObject({ code: 'PUBLISH_UNCONFIRMED' })),
      soon(expect(queue.enqueue(task, numbered(2), undefined, 9)).rejects.toMatchObject({ code })),
      soon(expect(queue.dequeue(task)).rejects.toMatchObject({ code })),
      soon(expect(queue.dequeueAll(task)).rejects.toMatchObject({ code })),
      soon(expect(queue.clear(task)).rejects.toMatchObject({ code })),
      soon(expect(queue.peek(task)).rejects.toMatchObject({ code })),
      soon(expect(queue.size(task)).rejects.toMatchObject({ code })),
      soon(expect(queue.isEmpty(task)).rejects.toMatchObject({ code })),
      soon(expect(queue.waitForMessage(task, { timeoutMs: 600 })).rejects.toMatchObject({ code })),
    ]);
    await soon(Promise.all([client.close(), queue.close()]));
    proxy.fault = { kind: 'none' };
  });

  test('delays no close by more than twice its time, also with a queue for replies', async () => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const closeTimeoutMs = 3_000;
    const client = openClient({ url: proxy.url, closeTimeoutMs });
    // An open channel on each connection.
    await client.publish(newTask(), raw('x'));
    await client.depth(newTask());
    await client.receiveReplies(randomBytes(16).toString('base64url'), () => {}).open();
    proxy.fault = { kind: 'mute' };
    const begun = performance.now();
    await client.close();
    expect(performance.now() - begun).toBeLessThan(2.8 * closeTimeoutMs);
  });

  test('in the middle of setting up a subscription ends that by its deadline', async () => {
    // Of its own, as in another one publishers ask every subscriber whether anybody listens: more bytes.
    const { pathname: vhost } = new URL((await newVhost()).url);
    const fine = await FaultProxy.inFrontOf(inject('url'));
    await openClient({ url: fine.url + vhost }).connect();
    const greeting = fine.received;
    await openClient({ url: fine.url + vhost }).subscribe(['enqueued'], LISTENER);
    const whole = fine.received - greeting;
    for (const afterBytes of [greeting + 1, Math.floor((greeting + whole) / 2), whole - 1]) {
      const proxy = await FaultProxy.inFrontOf(inject('url'));
      proxy.fault = { kind: 'cut', afterBytes };
      // It connects while all is well.
      const client = openClient({ url: proxy.url + vhost, ...SHORT, connectTimeoutMs: 10_000 });
      await soon(
        expect(client.subscribe(['enqueued'], LISTENER)).rejects.toMatchObject({ code: 'NO_ANSWER' }),
      );
    }
  });

  test('ends calls that wait for others by their deadline too, however many there are', async () => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const task = newTask();
    const queue = openQueue({ url: proxy.url, ...SHORT });
    await setUp(async () => {
      await queue.enqueue(task, numbered(0));
      await queue.size(task);
    });
    proxy.fault = { kind: 'stall' };
    const code = expect.stringMatching(
      /^(NO_ANSWER|BUSY|CONNECTION_LOST|CONNECTION_FAILED|PUBLISH_UNCONFIRMED)$/,
    );
    const other = newTask();
    await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        Promise.all([
          soon(expect(queue.size(task)).rejects.toMatchObject({ code })),
          soon(expect(queue.enqueue(other, numbered(index))).rejects.toMatchObject({ code })),
          soon(expect(queue.enqueue(task, numbered(index), undefined, 9)).rejects.toMatchObject({ code })),
        ]),
      ),
    );
  });

  test('in the middle of a message fails the get by its deadline, and loses nothing', async () => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const task = newTask();
    const direct = openClient();
    await direct.publish(task, { body: Buffer.alloc(50_000, 'x'), properties: { delivery_mode: 2 } });
    const client = openClient({ url: proxy.url, ...SHORT });
    await setUp(() => client.depth(task));
    proxy.fault = { kind: 'cut', afterBytes: 20_000 };
    await soon(expect(client.take(task, () => {})).rejects.toMatchObject({ code: 'NO_ANSWER' }));
    proxy.reset();
    await expect.poll(() => direct.depth(task)).toEqual({ messages: 1, consumers: 0 });
  });
});

describe('a broker that cannot be reached', () => {
  test('is not waited for by more operations than allowed, and the others fail together', async () => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const queue = openQueue({ url: proxy.url, ...SHORT, maxWaitingOperations: 100 });
    const task = newTask();
    await setUp(async () => {
      await queue.enqueue(task, numbered(0));
      await queue.size(task);
    });
    await proxy.close();
    await expect.poll(() => queue.size(task).catch((error) => error.code)).toBe('CONNECTION_FAILED');
    for (const call of [
      (index: number) => queue.size(`${task}-${index}`),
      (index: number) => queue.enqueue(`${task}-${index}`, numbered(index)),
    ]) {
      const outcomes = await soon(
        Promise.allSettled(Array.from({ length: 120 }, (_, index) => call(index) as Promise<unknown>)),
      );
      const codes = outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.code);
      expect(codes.slice(0, 100)).toEqual(Array(100).fill('CONNECTION_FAILED'));
      expect(codes.slice(100)).toEqual(Array(20).fill('TOO_MANY_WAITING'));
    }
  });
});
