import { connect } from 'amqplib';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import {
  type DrainEnd,
  type OutgoingMessage,
  type StatusEvent,
  type StoredMessage,
  TaskQueueError,
} from '../../src/index.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { extent } from '../support/figures.ts';
import { newTask, numbered, openClient, openQueue, raw } from '../support/tasks.ts';
import { callApi, newVhost } from '../support/vhost.ts';

const texts = (messages: StoredMessage[]) => messages.map(({ body }) => body.toString());

/** What is in a task's queue, by removing it. */
async function drained(client: ReturnType<typeof openClient>, taskId: string): Promise<string[]> {
  const messages: StoredMessage[] = [];
  await client.drain(taskId, (batch) => void messages.push(...batch));
  return texts(messages);
}

describe('publish', () => {
  test('keeps bytes and properties as they are', async () => {
    const client = openClient();
    const task = newTask();
    const message = {
      body: Buffer.from([0x7b, 0xff, 0x00, 0x0a]),
      properties: {
        content_type: 'application/json',
        content_encoding: 'identity',
        headers: { text: 'ü', list: [1, 'a'], bytes: Buffer.from([1, 2]), nested: { yes: true }, none: null },
        delivery_mode: 2,
        priority: 3,
        correlation_id: 'c',
        reply_to: 'r',
        message_id: 'm',
        timestamp: 1_767_225_600,
        type: 't',
        app_id: 'a',
      },
    };
    await client.publish(task, message);
    expect(await client.peek(task)).toEqual([{ ...message, taskId: task, redelivered: false }]);
  });

  test('gives a message without properties its own: persistent JSON, a name and the time', async () => {
    const client = openClient();
    const task = newTask();
    await client.connect('publish');
    const before = Math.floor(Date.now() / 1000);
    for (let count = 0; count < 2; count++) await client.publish(task, { body: Buffer.from('{}') });
    const messages = await client.peek(task, { limit: 2 });
    for (const { properties } of messages) {
      expect(properties).toEqual({
        content_type: 'application/json',
        delivery_mode: 2,
        message_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        timestamp: expect.any(Number),
      });
      expect(properties.timestamp).toBeGreaterThanOrEqual(before);
    }
    expect(new Set(messages.map(({ properties }) => properties.message_id)).size).toBe(2);
  });

  test('keeps the order of concurrent calls, also while the queue is being created', async () => {
    const client = openClient();
    const task = newTask();
    const wanted = Array.from({ length: 500 }, (_, index) => String(index));
    const sent: Promise<unknown>[] = [];
    for (const text of wanted) {
      sent.push(client.publish(task, raw(text)));
      if (Number(text) % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(sent);
    expect(await drained(client, task)).toEqual(wanted);
  });

  test('creates the queue again when somebody deleted it in between', async () => {
    const client = openClient();
    const task = newTask();
    await client.publish(task, raw('first'));
    const other = await connect(inject('url'));
    await (await other.createChannel()).deleteQueue(`mcp:queue:${task}`);
    await other.close();
    await Promise.all([
      client.publish(task, raw('a')),
      client.publish(task, raw('b')),
      client.publish(task, raw('b')),
    ]);
    expect((await drained(client, task)).sort()).toEqual(['a', 'b', 'b']);
  });

  test('with create: false refuses a task without a queue, and does not create it', async () => {
    const client = openClient();
    const task = newTask();
    await expect(client.publish(task, raw('x'), { create: false })).rejects.toMatchObject({
      code: 'QUEUE_NOT_FOUND',
    });
    expect(await client.depth(task)).toBeUndefined();
  });

  test('refuses a queue that has other arguments, and says so', async () => {
    const client = openClient();
    const task = newTask();
    const other = await connect(inject('url'));
    const channel = await other.createChannel();
    await channel.assertQueue(`mcp:queue:${task}`, { durable: true, arguments: { 'x-max-length': 5 } });
    await expect(client.publish(task, raw('x'))).rejects.toMatchObject({
      code: 'QUEUE_MISMATCH',
      message: expect.stringContaining('with a different'),
    });
    await channel.deleteQueue(`mcp:queue:${task}`);
    await other.close();
  });

  test('with maxSize is exact among concurrent calls of one client', async () => {
    const client = openClient();
    const task = newTask();
    const calls = Array.from({ length: 20 }, (_, i) => client.publish(task, raw(String(i)), { maxSize: 7 }));
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(7);
    for (const outcome of outcomes.slice(7)) {
      expect(outcome).toMatchObject({ reason: { code: 'QUEUE_OVERFLOW' } });
    }
    expect(await drained(client, task)).toEqual(['0', '1', '2', '3', '4', '5', '6']);
  });

  test('with maxSize counts what was published without it before, whether that is confirmed or not', async () => {
    const client = openClient();
    for (const known of [false, true]) {
      const task = newTask();
      if (known) await client.publish(task, raw('0'));
      const before = ['1', '2', '3'].map((text) => client.publish(task, raw(text)));
      await expect(client.publish(task, raw('4'), { maxSize: 3 })).rejects.toMatchObject({
        code: 'QUEUE_OVERFLOW',
      });
      await Promise.all(before);
    }
  });

  test('with maxSize counts what is published without it in between', async () => {
    const client = openClient();
    const task = newTask();
    const isLimited = (index: number) => index % 3 !== 2;
    const calls = Array.from({ length: 40 }, (_, index) =>
      client.publish(task, raw(String(index)), isLimited(index) ? { maxSize: 12 } : {}),
    );
    await Promise.allSettled(calls);
    const fits: string[] = [];
    for (let index = 0; index < 40; index++)
      if (!isLimited(index) || fits.length < 12) fits.push(String(index));
    expect(await drained(client, task)).toEqual(fits);
  });

  test('with maxSize does not count anew for each of many calls that wait', async () => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    proxy.fault = { kind: 'delay', ms: 50 };
    const client = openClient({ url: proxy.url });
    const task = newTask();
    const publish = (index: number) => client.publish(task, raw(String(index)), { maxSize: 150 });
    await publish(0);
    const begun = performance.now();
    const calls = Array.from({ length: 160 }, (_, index) => publish(index + 1));
    const outcomes = await Promise.allSettled(calls);
    // Each with its own count and confirm: 32 s.
    expect(performance.now() - begun).toBeLessThan(8_000);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(149);
    const all = await drained(client, task);
    expect(all).toEqual(Array.from({ length: 150 }, (_, index) => String(index)));
    await publish(200);
  });

  test.each([Number.NaN, -1, '5', '', 5n, {}])('refuses %o as maxSize', async (maxSize) => {
    const refused = {
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/^Option maxSize must be a number/),
    };
    const [client, queue, task] = [openClient(), openQueue(), newTask()];
    const given = maxSize as number;
    await expect(client.publish(task, raw('0'), { maxSize: given })).rejects.toMatchObject(refused);
    await expect(queue.enqueue(task, numbered(0), undefined, given)).rejects.toMatchObject(refused);
    expect(await client.depth(task)).toBeUndefined();
  });

  test.each([null, undefined, Number.POSITIVE_INFINITY])(
    'takes %o as maxSize for no limit',
    async (maxSize) => {
      const [client, queue, task] = [openClient(), openQueue(), newTask()];
      const given = maxSize as number;
      await client.publish(task, raw('0'), { maxSize: given });
      await queue.enqueue(task, numbered(1), undefined, given);
      expect(await client.depth(task)).toMatchObject({ messages: 2 });
    },
  );

  test('what a caller throws in onRemoved is passed on, and what was removed stays removed', async () => {
    const client = openClient();
    const failure = new TypeError('mine');
    const options = {
      batchSize: 1,
      onRemoved: () => {
        throw failure;
      },
    };
    for (const remove of ['drain', 'clear'] as const) {
      const task = newTask();
      for (const text of ['0', '1', '2']) await client.publish(task, raw(text));
      await expect(client[remove](task, () => {}, options)).rejects.toBe(failure);
      await expect.poll(async () => (await client.depth(task))?.messages).toBe(2);
    }
  });

  test('rejects what is not a function or not an option with INVALID_ARGUMENT', async () => {
    const client = openClient();
    const task = newTask();
    await client.publish(task, raw('0'));
    const not = (value: unknown) => value as never;
    const calls = [
      ...[undefined, null, 'x', {}].flatMap((value) => [
        () => client.take(task, not(value)),
        () => client.drain(task, not(value)),
        () => client.browse(task, not(value)),
      ]),
      () => client.dequeue(task, not('x')),
      () => client.clear(task, not('x')),
      ...['select', 'onRead', 'onRemoved', 'onEnd'].map(
        (name) => () => client.drain(task, () => {}, { [name]: 'x' }),
      ),
      ...[0, '2', Number.NaN].map((limit) => () => client.drain(task, () => {}, { limit: limit as number })),
      () => client.drain(task, () => {}, { signal: {} as AbortSignal }),
      () => client.drain(task, () => {}, not(5)),
      () => client.clear(task, () => {}, { keepQueue: 'x' as unknown as boolean }),
      ...['1', -1, 1.5].map((skip) => () => client.peek(task, { skip: skip as number })),
      () => client.peek(task, not('x')),
      () => client.publish(task, raw('1'), { create: 'false' as unknown as boolean }),
      () => client.close(not(5)),
    ];
    for (const call of calls) {
      await expect(call()).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringMatching(/ must be /),
      });
    }
    const nothing = null as unknown as undefined;
    expect(await client.peek(task, nothing)).toHaveLength(1);
    expect(await client.drain(task, () => {}, nothing)).toBe(1);
    await client.close(nothing);
  });

  test('a drain says how many messages it found, and whether their queue was deleted', async () => {
    const client = openClient();
    const task = newTask();
    const ends: DrainEnd[] = [];
    const onEnd = (end: DrainEnd) => void ends.push(end);
    const fill = async () => {
      for (const text of ['0', '1', '2']) await client.publish(task, raw(text));
    };
    await client.drain(task, () => {}, { onEnd });
    await fill();
    await client.drain(task, () => {}, { onEnd, limit: 2 });
    await client.drain(task, () => {}, { onEnd, select: () => false });
    await client.clear(task, () => {}, { onEnd });
    await fill();
    const connection = await connect(inject('url'));
    onTestFinished(() => connection.close());
    const channel = await connection.createChannel();
    const deleteQueue = async () => void (await channel.deleteQueue(`mcp:queue:${task}`));
    await client.drain(task, deleteQueue, { onEnd, batchSize: 1 });
    await fill();
    const signal = AbortSignal.abort();
    await client.drain(task, () => {}, { onEnd, signal });
    expect(ends).toMatchObject([
      { counted: 0, read: 0, isDeleted: true },
      { counted: 2, read: 2, isDeleted: false },
      { counted: 1, read: 1, isDeleted: false },
      { counted: 1, read: 1, isDeleted: false },
      { counted: 3, isDeleted: true },
    ]);
    expect(ends.at(-1)?.read).toBeLessThan(3);
  });

  test('what a caller throws in select or onRead is passed on, and nothing is removed', async () => {
    const client = openClient();
    const task = newTask();
    await client.publish(task, raw('0'));
    const broken = () => {
      throw new TypeError('mine');
    };
    await expect(client.drain(task, () => {}, { select: broken })).rejects.toThrow(new TypeError('mine'));
    await expect(client.drain(task, () => {}, { onRead: broken })).rejects.toThrow(new TypeError('mine'));
    await expect.poll(async () => (await client.depth(task))?.messages).toBe(1);
  });

  test.each([Number.POSITIVE_INFINITY, Number.NaN, -1])(
    'closing within %d ms is refused',
    async (timeoutMs) => {
      const client = openClient();
      await expect(client.close({ timeoutMs })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      await client.publish(newTask(), raw('still open'));
    },
  );

  test('takes the bytes of any Uint8Array', async () => {
    const client = openClient();
    const task = newTask();
    const all = new TextEncoder().encode('[{"a":1}]');
    await client.publish(task, { body: all.subarray(1, -1) });
    await client.publish(task, { body: new Uint8Array(70_000) });
    expect((await client.peek(task, { limit: 2 })).map(({ body }) => body.toString('latin1'))).toEqual([
      '{"a":1}',
      '\0'.repeat(70_000),
    ]);
  });

  test('refuses a body that is not bytes, and spares the publishes in flight', async () => {
    const events: StatusEvent[] = [];
    const client = openClient({ onStatus: (event) => void events.push(event) });
    const [task, bad] = [newTask(), newTask()];
    await Promise.all([task, bad].map((each) => client.publish(each, raw('opens the connection'))));
    const others = Array.from({ length: 20 }, (_, index) => client.publish(task, raw(String(index))));
    const unusable: unknown[] = ['x'.repeat(70_000), '', [1], {}, 5, null, undefined].map((body) => ({
      body,
    }));
    unusable.push(null, undefined, 'text', { body: Buffer.from('x'), properties: 'x' });
    for (const message of unusable) {
      const failure = await client.publish(bad, message as OutgoingMessage).catch((error: unknown) => error);
      expect(failure).toMatchObject({ name: 'TaskQueueError', code: 'INVALID_MESSAGE' });
      expect((failure as Error).message.length).toBeLessThan(120);
    }
    await Promise.all(others);
    expect(await client.depth(task)).toMatchObject({ messages: 21 });
    expect(await client.depth(bad)).toMatchObject({ messages: 1 });
    expect(events.filter(({ type }) => type === 'lost')).toEqual([]);
  });

  test('refuses what is larger than the broker accepts before sending it', async () => {
    const client = openClient();
    const task = newTask();
    const tooLarge = { body: Buffer.alloc(16 * 1024 * 1024 + 1), properties: {} };
    await expect(client.publish(task, tooLarge)).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
    // Nor is a queue created for it.
    expect(await client.depth(task)).toBeUndefined();
    const manyHeaders = (bytes: number) => ({
      body: Buffer.from('x'),
      properties: { headers: { big: 'x'.repeat(bytes) } },
    });
    await expect(client.publish(task, manyHeaders(131_072))).rejects.toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
      message: expect.stringContaining('a frame of this connection holds 131052'),
    });
    await client.publish(task, manyHeaders(130_000));
    await client.take(task, ({ properties }) => expect(properties.headers?.big).toHaveLength(130_000));
    await client.publish(task, raw('fits'));
    expect(await drained(client, task)).toEqual(['fits']);
  });
});

/** Longer than a machine may stall. */
const EXPIRES_MS = 8_000;

describe('a policy that expires unused queues', () => {
  test('does not take a queue that is published to, as it is declared again in time', async () => {
    const { url } = await newVhost();
    const vhost = new URL(url).pathname.slice(1);
    const policy = { pattern: '^mcp:queue:', definition: { expires: EXPIRES_MS }, 'apply-to': 'queues' };
    await callApi('PUT', `policies/${vhost}/expire`, policy);
    const client = openClient({ url, redeclareAfterMs: 300 });
    const until = Date.now() + 1.5 * EXPIRES_MS;
    let sent = 0;
    while (Date.now() < until) {
      await client.publish('task', raw(String(sent++)));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await client.depth('task')).toEqual({ messages: sent, consumers: 0 });
  });
});

describe('take', () => {
  test('acknowledges when the handler resolves, and gives back in place when it rejects', async () => {
    const client = openClient();
    const task = newTask();
    for (const text of ['a', 'b']) await client.publish(task, raw(text));
    await expect(client.take(task, () => Promise.reject(new Error('disk full')))).rejects.toThrow(
      'disk full',
    );
    expect(await client.take(task, ({ body, redelivered }) => [body.toString(), redelivered])).toEqual([
      'a',
      true,
    ]);
    expect(await drained(client, task)).toEqual(['b']);
  });

  test('has given back what its handler refused when it rejects: no conditional delete takes the queue for empty', async () => {
    const client = openClient();
    const task = newTask();
    await client.publish(task, raw('a'));
    for (let round = 0; round < 15; round++) {
      await expect(client.take(task, () => Promise.reject(new Error('disk full')))).rejects.toThrow();
      expect(await client.deleteIfUnused(task)).toBe(false);
    }
    expect(await drained(client, task)).toEqual(['a']);
  });
});

describe('peek', () => {
  test('shows a window and leaves everything where it was', async () => {
    const client = openClient();
    const task = newTask();
    const wanted = Array.from({ length: 10 }, (_, index) => String(index));
    for (const text of wanted) await client.publish(task, raw(text));
    expect(texts(await client.peek(task))).toEqual(['0']);
    expect(texts(await client.peek(task, { limit: 3, skip: 4 }))).toEqual(['4', '5', '6']);
    expect(texts(await client.peek(task, { limit: 1000 }))).toEqual(wanted);
    expect(await client.peek(task, { limit: 1, skip: 10 })).toEqual([]);
    expect(await client.depth(task)).toEqual({ messages: 10, consumers: 0 });
    expect(await drained(client, task)).toEqual(wanted);
  });

  test('is over for every other reader of the same client when it resolves', async () => {
    const client = openClient();
    const task = newTask();
    for (const text of ['a', 'b', 'c']) await client.publish(task, raw(text));
    for (let round = 0; round < 25; round++) {
      await client.peek(task, { limit: 3 });
      const depths = await Promise.all([client.depth(task), client.depth(task), client.depth(task)]);
      expect(depths.map((depth) => depth?.messages)).toEqual([3, 3, 3]);
    }
  });

  test('refuses to hold more than 1000 messages', async () => {
    const client = openClient();
    await expect(client.peek(newTask(), { limit: 1, skip: 1000 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });
});

describe('drain', () => {
  test('removes everything in order, batch by batch', async () => {
    const client = openClient();
    const task = newTask();
    const wanted = Array.from({ length: 1234 }, (_, index) => String(index));
    await Promise.all(wanted.map((text) => client.publish(task, raw(text))));
    const batches: string[][] = [];
    const removed = await client.drain(task, (batch) => void batches.push(texts(batch)), { batchSize: 100 });
    expect(removed).toBe(1234);
    expect(batches.flat()).toEqual(wanted);
    expect(Math.max(...batches.map(({ length }) => length))).toBeLessThanOrEqual(100);
    expect(await client.depth(task)).toEqual({ messages: 0, consumers: 0 });
  });

  test('stops at its limit and at the depth of the start, and leaves the rest in order', async () => {
    const client = openClient();
    const task = newTask();
    const wanted = Array.from({ length: 300 }, (_, index) => String(index));
    await Promise.all(wanted.map((text) => client.publish(task, raw(text))));
    expect(await client.drain(task, () => {}, { limit: 150, batchSize: 40 })).toBe(150);
    let late = 0;
    const addOneEach = async () => {
      await client.publish(task, raw(`late ${late++}`));
    };
    expect(await client.drain(task, addOneEach, { batchSize: 50 })).toBe(150);
    expect(await drained(client, task)).toEqual(Array.from({ length: late }, (_, index) => `late ${index}`));
  });

  test('leaves the batch whose handler failed, and all behind it', async () => {
    const client = openClient();
    const task = newTask();
    const wanted = Array.from({ length: 100 }, (_, index) => String(index));
    await Promise.all(wanted.map((text) => client.publish(task, raw(text))));
    let seen = 0;
    const failing = (batch: StoredMessage[]) => {
      if (seen >= 30) throw new Error('disk full');
      seen += batch.length;
    };
    await expect(client.drain(task, failing, { batchSize: 10 })).rejects.toThrow('disk full');
    expect(await drained(client, task)).toEqual(wanted.slice(seen));
  });

  test('stops between batches when its signal says so', async () => {
    const client = openClient();
    const task = newTask();
    await Promise.all(Array.from({ length: 100 }, (_, index) => client.publish(task, raw(String(index)))));
    const stop = new AbortController();
    const handle = () => stop.abort();
    const removed = await client.drain(task, handle, { batchSize: 10, signal: stop.signal });
    expect(removed).toBeLessThanOrEqual(10);
    expect(await client.depth(task)).toEqual({ messages: 100 - removed, consumers: 0 });
  });

  test('ends when others have taken the rest, each message going to one of them', async () => {
    const clients = [openClient(), openClient(), openClient()];
    const task = newTask();
    const wanted = Array.from({ length: 2000 }, (_, index) => String(index));
    await Promise.all(wanted.map((text) => clients[0]?.publish(task, raw(text))));
    const taken = await Promise.all(clients.map((client) => drained(client, task)));
    expect(taken.flat().sort()).toEqual([...wanted].sort());
  });
});

describe('a handler that rejects', () => {
  test.each([
    ['an error of this package', new TaskQueueError('QUEUE_NOT_FOUND', 'the target is missing')],
    ['a connection that was lost elsewhere', new TaskQueueError('CONNECTION_LOST', 'the other broker')],
    ['what looks like the broker’s', Object.assign(new Error('NOT_FOUND'), { code: 404 })],
    ['an error without a code', new Error('disk full')],
  ])('has its rejection passed on as it is: %s', async (_what, error) => {
    const client = openClient();
    const task = newTask();
    await client.publish(task, raw('x'));
    await expect(client.drain(task, () => Promise.reject(error))).rejects.toBe(error);
    await expect(client.take(task, () => Promise.reject(error))).rejects.toBe(error);
    expect(await client.depth(task)).toEqual({ messages: 1, consumers: 0 });
  });
});

describe('deleteIfUnused', () => {
  test('deletes an empty queue, and no other', async () => {
    const client = openClient();
    const task = newTask();
    await client.publish(task, raw('x'));
    expect(await client.deleteIfUnused(task)).toBe(false);
    await client.drain(task, () => {});
    const other = await connect(inject('url'));
    const channel = await other.createChannel();
    const { consumerTag } = await channel.consume(`mcp:queue:${task}`, () => {});
    expect(await client.deleteIfUnused(task)).toBe(false);
    await channel.cancel(consumerTag);
    expect(await client.deleteIfUnused(task)).toBe(true);
    expect(await client.depth(task)).toBeUndefined();
    await other.close();
  });
});

describe('a message that is being looked at or drained', () => {
  test('survives a conditional delete by another client, which takes the queue for empty', async () => {
    const [looker, cleaner] = [openClient(), openClient()];
    const task = newTask();
    await looker.publish(task, raw('x'));
    let looks = 0;
    let drains = 0;
    let deletes = 0;
    const isOver = () => Math.min(looks, drains, deletes) > 15;
    const looking = (async () => {
      while (!isOver()) looks += (await looker.peek(task)).length;
    })();
    const holding = (async () => {
      for (; !isOver(); drains++) {
        const keep = looker.drain(task, async () => {
          await new Promise((resolve) => setTimeout(resolve, 5));
          throw new Error('keep it');
        });
        await keep.catch(() => {});
      }
    })();
    const deleting = (async () => {
      for (; !isOver(); deletes++) expect(await cleaner.deleteIfUnused(task)).toBe(false);
    })();
    await Promise.all([looking, holding, deleting]);
    expect(await drained(looker, task)).toEqual(['x']);
  });
});

describe('one task never hurts another', () => {
  const count = extent(100, 1_000);

  test(`${count} reads of missing queues beside ${count} pairs of publish and take on one client`, async () => {
    const client = openClient();
    const task = newTask();
    const missing = Array.from({ length: count }, (_, index) => client.take(`missing-${index}`, () => {}));
    for (let index = 0; index < count; index++) {
      await client.publish(task, raw(String(index)));
      expect(await client.take(task, ({ body }) => body.toString())).toBe(String(index));
    }
    expect(await Promise.all(missing)).toEqual(Array.from({ length: count }, () => undefined));
    expect(await client.depth('missing-0')).toBeUndefined();
  });
});

describe('close', () => {
  test('right after a take does not undo it', async () => {
    const task = newTask();
    const client = openClient();
    for (let index = 0; index < 20; index++) await client.publish(task, raw(String(index)));
    for (let index = 0; index < 20; index++) {
      const reader = openClient();
      expect(await reader.take(task, ({ body }) => body.toString())).toBe(String(index));
      await reader.close();
    }
    expect(await client.depth(task)).toEqual({ messages: 0, consumers: 0 });
  });

  test('waits for what was sent, also to tasks that are new', async () => {
    const client = openClient();
    const watcher = openClient();
    const tasks = [newTask(), newTask()];
    const told: string[] = [];
    await watcher
      .subscribe(['enqueued'], {
        onEvent: ({ taskId, event }) => void told.push(`${event} ${taskId}`),
        onLost: () => {},
        onResumed: () => {},
      })
      .then((subscription) => Promise.all(tasks.map((task) => subscription.follow(task))));
    await client.publish(newTask(), raw('opens the connection'));
    const publishes = tasks.flatMap((task) => ['a', 'b', 'c'].map((text) => client.publish(task, raw(text))));
    // The first message of each is on its way when its queue is there.
    await expect.poll(() => watcher.depth(tasks[1] as string), { interval: 1 }).toBeDefined();
    await client.close();
    await Promise.all(publishes);
    for (const task of tasks) expect(await drained(watcher, task)).toEqual(['a', 'b', 'c']);
    await expect.poll(() => told).toHaveLength(6);
  });

  test('is idempotent, and later calls say that it was closed', async () => {
    const client = openClient();
    await client.publish(newTask(), raw('x'));
    await Promise.all([client.close(), client.close()]);
    await client.close();
    const calls: [string, () => Promise<unknown>][] = [
      ['Cannot look at task "x"', () => client.depth('x')],
      ['Cannot look at task "x"', () => client.queueKind('x')],
      ['Cannot enqueue to task "x"', () => client.publish('x', raw('x'))],
      ['Cannot take a message of task "x"', () => client.take('x', () => {})],
      ['Cannot dequeue from task "x"', () => client.dequeue('x')],
      ['Cannot drain task "x"', () => client.drain('x', () => {})],
      ['Cannot clear task "x"', () => client.clear('x')],
      ['Cannot peek at task "x"', () => client.peek('x')],
      ['Cannot delete the queue of task "x"', () => client.deleteIfUnused('x')],
      ['Cannot wait for a message of task "x"', () => client.waitForMessage('x')],
      ['Cannot connect to RabbitMQ', () => client.connect()],
    ];
    for (const [what, call] of calls) {
      await expect(call()).rejects.toMatchObject({
        code: 'CLOSED',
        message: expect.stringMatching(new RegExp(`^${what}: .*close`)),
        hint: expect.stringMatching(/^Create a new /),
      });
    }
  });

  test('a read whose connection is lost says what it was, and what has become of the messages', async () => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const client = openClient({ url: proxy.url });
    const task = newTask();
    await client.publish(task, raw('0'));
    const lose = async () => {
      proxy.reset();
      const reading = () => client.stats().connections.find(({ connection }) => connection === 'read');
      await expect.poll(() => reading()?.state).toBe('disconnected');
    };
    for (const [what, call] of [
      ['Cannot take a message of', () => client.take(task, lose)],
      ['Cannot drain', () => client.drain(task, lose)],
    ] as const) {
      await expect(call()).rejects.toMatchObject({
        code: 'CONNECTION_LOST',
        message: `${what} task ${JSON.stringify(task)}: the connection to the broker was lost`,
        hint: 'What was not removed is still in the queue; the next call connects again.',
      });
    }
    await expect.poll(async () => (await client.depth(task))?.messages).toBe(1);
  });
});

test('options that are changed after the call were read by then', async () => {
  const options = { create: false };
  // Its connection is opened meanwhile.
  const publishing = openClient().publish(newTask(), raw('x'), options);
  options.create = true;
  await expect(publishing).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' });
});
