import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, inject, test } from 'vitest';
import type { TaskQueueClient, WaitOptions } from '../../src/index.ts';
import { type Fault, FaultProxy } from '../support/fault-proxy.ts';
import { newTask, numbered, observer, openClient, openQueue, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { newVhost } from '../support/vhost.ts';

describe('waitForMessage', () => {
  test('resolves at once when a message is there, and takes nothing', async () => {
    const queue = openQueue();
    const task = newTask();
    await queue.enqueue(task, numbered(1));
    await queue.waitForMessage(task);
    expect(await queue.size(task)).toBe(1);
  });

  test('is woken by an enqueue in another process, and by a publisher without events', async () => {
    const queue = openQueue();
    const [ours, foreign] = [newTask(), newTask()];
    const waits = [ours, foreign].map((task) => queue.waitForMessage(task, { timeoutMs: 50_000 }));
    await openQueue().enqueue(ours, numbered(1));
    await openClient({ events: 'off' }).publish(foreign, raw('{}'));
    await Promise.all(waits);
  });

  test('of a client does the same, and ends when the client is closed', async () => {
    const client = openClient();
    const [task, other] = [newTask(), newTask()];
    const waits = [client.waitForMessage(task), client.waitForMessage(other)] as const;
    const outcome = expect(waits[1]).rejects.toMatchObject({ code: 'CLOSED' });
    await openQueue().enqueue(task, numbered(1));
    await waits[0];
    await expect(client.waitForMessage(newTask(), { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'WAIT_TIMEOUT',
    });
    await client.close();
    await outcome;
    await expect(client.waitForMessage(task)).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test('is woken by an event, long before it would look by itself', async () => {
    const client = openClient();
    const found = new Map<string, number>();
    const depth = client.depth.bind(client);
    client.depth = async (taskId) => {
      const there = await depth(taskId);
      if (there?.messages) found.set(taskId, (found.get(taskId) ?? 0) + 1);
      return there;
    };
    /** How often each wait found the message: when a look has found it, it wakes the wait, which looks again. */
    const findings = async (by: TaskQueueClient, count: number) => {
      const tasks = Array.from({ length: count }, () => newTask());
      const waits = tasks.map((task) => client.waitForMessage(task, { timeoutMs: 120_000 }));
      // By then there are 375 to 500 ms from one look at a task to the next.
      await sleep(1_500);
      for (const [index, task] of tasks.entries()) {
        await by.publish(task, raw('{}'));
        await waits[index];
      }
      return tasks.map((task) => found.get(task));
    };
    expect(await findings(openClient({ events: 'off' }), 4)).not.toContain(1);
    // On a busy machine some events come later than the next look.
    expect(await findings(openClient(), 20)).toContain(1);
  });

  test('creates no queue', async () => {
    const queue = openQueue();
    const task = newTask();
    await expect(queue.waitForMessage(task, { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'WAIT_TIMEOUT',
    });
    expect(await observer().depth(task)).toBeUndefined();
  });

  test('refuses what is not a signal, a time or an object of options, and keeps nothing of it', async () => {
    const queue = openQueue();
    const task = newTask();
    for (const signal of [{}, 'x', 5, { aborted: false, addEventListener: () => {} }, new EventTarget()]) {
      await expect(queue.waitForMessage(task, { signal: signal as AbortSignal })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringMatching(/^Option signal must be an AbortSignal/),
      });
    }
    for (const options of [
      5,
      'x',
      { timeoutMs: Number.NaN },
      { timeoutMs: -1 },
      { timeoutMs: '5' },
      { timeout: 5 },
    ]) {
      await expect(queue.waitForMessage(task, options as WaitOptions)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    }
    // Null is nothing: these wait.
    for (const signal of [null, undefined] as (undefined | null)[]) {
      const options = { signal: signal as undefined, timeoutMs: 50 };
      await expect(queue.waitForMessage(task, options)).rejects.toMatchObject({ code: 'WAIT_TIMEOUT' });
    }
    const waiting = queue.waitForMessage(task, null as unknown as undefined);
    await queue.enqueue(task, numbered(1));
    await waiting;
  });

  test('stops with its signal, before and while waiting', async () => {
    const queue = openQueue();
    const reason = new Error('enough');
    await expect(queue.waitForMessage(newTask(), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const stop = new AbortController();
    const waiting = queue.waitForMessage(newTask(), { signal: stop.signal });
    setImmediate(() => stop.abort(reason));
    await expect(waiting).rejects.toBe(reason);
  });

  test('ends when the queue is closed', async () => {
    const queue = openQueue();
    const waiting = queue.waitForMessage(newTask());
    const outcome = expect(waiting).rejects.toMatchObject({ code: 'CLOSED' });
    await queue.close();
    await outcome;
  });

  test('100 waits at once share one queue on the broker, and all of them end', async () => {
    const { url, queueNames } = await newVhost();
    const queue = openQueue({ url });
    const publisher = openQueue({ url });
    const tasks = Array.from({ length: 100 }, (_, index) => `task-${index}`);
    const waits = Promise.all(tasks.map((task) => queue.waitForMessage(task, { timeoutMs: 120_000 })));
    await expect.poll(queueNames).toEqual([expect.stringMatching(/^mcp:watch:/)]);
    await Promise.all(tasks.map((task) => publisher.enqueue(task, numbered(1))));
    await waits;
    const names = await queueNames();
    expect(names.filter((name) => name.startsWith('mcp:watch:'))).toHaveLength(1);
  });
});

test('a wait that is woken while it looks still ends in time', async () => {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const queue = openQueue({ url: proxy.url });
  const task = newTask();
  await queue.size(task);
  proxy.fault = { kind: 'gone' };
  proxy.reset();
  const waiting = queue.waitForMessage(task, { timeoutMs: 500 });
  // It looks, which takes until the connection is back, or has not come back within 30 s.
  queue.notifyMessageAvailable(task);
  await expect(waiting).rejects.toMatchObject({ code: 'NO_ANSWER' });
});

describe('a wait that ends while the broker', () => {
  test.each<[string, Fault]>([
    ['stands still', { kind: 'stall' }],
    ['is away', { kind: 'gone' }],
  ])('%s says that, and not that nothing came', async (_, fault) => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const queue = openQueue({ url: proxy.url });
    const task = newTask();
    // Connected before the time runs, so that a slow machine does not get its last look in before the fault.
    await queue.size(task);
    const before = proxy.received;
    const waiting = queue.waitForMessage(task, { timeoutMs: 3_000 });
    const outcome = expect(waiting).rejects.toMatchObject({ code: 'NO_ANSWER' });
    await until(() => proxy.received > before);
    proxy.fault = fault;
    if (fault.kind === 'gone') proxy.reset();
    // It is there, and cannot be seen.
    await openQueue().enqueue(task, numbered(1));
    await outcome;
    proxy.fault = { kind: 'none' };
    proxy.reset();
  });
});
