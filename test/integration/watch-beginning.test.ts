import { connect } from 'amqplib';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { type WatchItem, watchTasks } from '../../src/index.ts';
import { extent } from '../support/figures.ts';
import { newTask, openClient, raw } from '../support/tasks.ts';
import { newVhost } from '../support/vhost.ts';
import { textOf, texts, watchUntil } from '../support/watching.ts';

describe('a watch that begins', () => {
  test('begins with the newest messages that are there', async () => {
    const task = newTask();
    const client = openClient();
    for (let index = 0; index < 20; index++) await client.publish(task, raw(String(index)));
    // And with it whatever it has still to tell.
    await client.close();
    const seen = await watchUntil(openClient(), [task], (items) => items.length === 3, { tail: 3 });
    expect(texts(seen)).toEqual(['17', '18', '19']);
  });

  test('shows all other tasks where a queue belongs exclusively to another connection', async () => {
    const { url } = await newVhost();
    const connection = await connect(url);
    onTestFinished(() => connection.close());
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('mcp:queue:exclusive', { exclusive: true });
    channel.sendToQueue('mcp:queue:exclusive', Buffer.from('hidden'));
    await channel.waitForConfirms();
    await openClient({ url }).publish('task', raw('shown'));
    const api = { url, apiUrl: inject('apiUrl') };
    const seen = await watchUntil(openClient({ url }), [], (items) => items.length === 2, { tail: 1, api });
    expect(texts(seen).toSorted()).toEqual(['gap', 'shown']);
    expect(seen.find(({ kind }) => kind === 'gap')).toMatchObject({
      taskId: 'exclusive',
      reason: expect.stringContaining('belongs exclusively to another connection'),
    });
  });

  test('has begun for every task when it shows the first message', async () => {
    const [first, second] = [newTask(), newTask()] as const;
    const client = openClient();
    for (const task of [first, second]) await client.publish(task, raw('old'));
    const seen: string[] = [];
    for await (const item of watchTasks(openClient(), [first, second], { tail: 1 })) {
      seen.push(textOf(item));
      if (seen.length === 1) for (const text of ['1', '2', '3']) await client.publish(second, raw(text));
      if (seen.includes('3')) break;
    }
    expect(seen).toEqual(['old', 'old', '1', '2', '3']);
  });

  test('shows each message of a flood once and in order, from the first that it shows', async () => {
    for (let round = 0; round < extent(3, 20); round++) {
      const task = newTask();
      const client = openClient();
      const stop = new AbortController();
      let count = 0;
      const flooding = (async () => {
        while (!stop.signal.aborted) await client.publish(task, raw(String(count++)));
      })();
      const seen = await watchUntil(openClient(), [task], (items) => items.length >= 60, { tail: 3 });
      stop.abort();
      await flooding;
      const first = Number(texts(seen)[0]);
      expect(texts(seen)).toEqual(Array.from(seen, (_, index) => String(first + index)));
    }
  });

  test('puts what comes while it looks for the first time behind all that was there, and shows it once', async () => {
    const task = newTask();
    const publisher = openClient();
    for (let index = 0; index < 20; index++) await publisher.publish(task, raw(`old ${index}`));
    // And with it whatever it has still to tell.
    await publisher.close();
    const client = openClient();
    const peek = client.peek.bind(client);
    client.peek = async (...args) => {
      const messages = await peek(...args);
      client.peek = peek;
      // Its event arrives before the look is over, which did not see it.
      await openClient().publish(task, raw('new'));
      await pause(200);
      return messages;
    };
    const stop = new AbortController();
    const seen: string[] = [];
    for await (const item of watchTasks(client, [task], { tail: 2, signal: stop.signal })) {
      seen.push(textOf(item));
      // After some looks at what no event told of.
      if (seen.length === 3) setTimeout(() => stop.abort(), 2_000);
    }
    expect(seen).toEqual(['old 18', 'old 19', 'new']);
  });

  test('shows each message whose event is still due once, and in order', async () => {
    const client = openClient();
    for (let round = 0; round < extent(3, 20); round++) {
      const task = newTask();
      for (let index = 0; index < 20; index++)
        await client.publish(task, { ...raw(String(index)), properties: { message_id: `${index}` } });
      const isLast = (items: WatchItem[]) => texts(items).includes('19');
      const seen = texts(await watchUntil(openClient(), [task], isLast, { tail: 3 }));
      expect(seen.length).toBeGreaterThanOrEqual(3);
      expect(seen).toEqual(Array.from(seen, (_, index) => String(20 - seen.length + index)));
    }
  });

  test('without a tail shows nothing of what was there, though readers and publishers are at work', async () => {
    for (let round = 0; round < extent(2, 10); round++) {
      const task = newTask();
      const before = openClient();
      for (let index = 0; index < 100; index++) await before.publish(task, raw(`old ${index}`));
      await before.close();
      const client = openClient();
      const stop = new AbortController();
      const working = (async () => {
        for (let index = 0; !stop.signal.aborted; index++) {
          await client.take(task, () => {});
          await client.publish(task, raw(`new ${index}`));
          await pause(10);
        }
      })();
      const seen: string[] = [];
      setTimeout(() => stop.abort(), 1_500);
      for await (const item of watchTasks(openClient(), [task], { signal: stop.signal }))
        seen.push(textOf(item));
      await working;
      expect(seen.filter((text) => !text.startsWith('new'))).toEqual([]);
      expect(new Set(seen).size).toBe(seen.length);
    }
  });
});

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
