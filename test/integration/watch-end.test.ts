import { describe, expect, inject, test } from 'vitest';
import { type WatchItem, watchTasks } from '../../src/index.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { newTask, openClient, raw } from '../support/tasks.ts';
import { newVhost } from '../support/vhost.ts';
import { texts, watchUntil } from '../support/watching.ts';

describe('a watch ends', () => {
  test('with its signal, and leaves no queue of its own behind', async () => {
    const { url, queueNames } = await newVhost();
    const client = openClient({ url });
    await client.publish('task', raw('x'));
    const stop = new AbortController();
    const seen = await watchUntil(
      client,
      ['task'],
      () => false,
      { tail: 1, signal: stop.signal },
      () => stop.abort(),
    );
    expect(texts(seen)).toEqual(['x']);
    await expect.poll(queueNames).toEqual(['mcp:queue:task']);
  });

  test('with its signal before it has begun, and says so', async () => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const task = newTask();
    await openClient().publish(task, raw('x'));
    proxy.fault = { kind: 'delay', ms: 200 };
    const client = openClient({ url: proxy.url });
    const items: WatchItem[] = [];
    const signal = AbortSignal.timeout(300);
    for await (const item of watchTasks(client, [task], { tail: 1, signal })) items.push(item);
    expect(items).toEqual([
      { kind: 'gap', taskId: undefined, reason: expect.stringContaining('before the watch had begun') },
    ]);
  });

  test('with its signal while more comes than is read', async () => {
    const task = newTask();
    const client = openClient();
    const stop = new AbortController();
    let isFlooding = true;
    const flooding = (async () => {
      for (let index = 0; isFlooding; index++) await client.publish(task, raw(String(index)));
    })();
    let readAfterwards = 0;
    for await (const _ of watchTasks(openClient(), [task], { signal: stop.signal })) {
      if (stop.signal.aborted) readAfterwards++;
      await new Promise((resolve) => setTimeout(resolve, 5));
      setTimeout(() => stop.abort(), 1_000);
    }
    isFlooding = false;
    await flooding;
    // What had arrived by then, which is bounded.
    expect(readAfterwards).toBeLessThanOrEqual(1_100);
  });

  test('with its signal while the broker is away', async () => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const task = newTask();
    const client = openClient({ url: proxy.url });
    await openClient().publish(task, raw('x'));
    const stop = new AbortController();
    let stoppedAt = 0;
    for await (const item of watchTasks(client, [task], { tail: 1, signal: stop.signal })) {
      if (item.kind === 'message') {
        proxy.fault = { kind: 'stall' };
        proxy.reset();
      }
      // A look at the queue waits for the broker then.
      if (item.kind === 'interrupted') {
        setTimeout(() => {
          stoppedAt = Date.now();
          stop.abort();
        }, 1_000);
      }
    }
    // Nobody waits for the look, which goes on for 30 s.
    expect(Date.now() - stoppedAt).toBeLessThan(10_000);
    proxy.fault = { kind: 'none' };
  });

  test('with an error when its client is closed', async () => {
    const task = newTask();
    const client = openClient();
    await client.publish(task, raw('x'));
    const watching = watchUntil(
      client,
      [task],
      () => false,
      { tail: 1 },
      () => void client.close(),
    );
    await expect(watching).rejects.toMatchObject({ code: 'CLOSED' });
  });
});
