import { setImmediate } from 'node:timers/promises';
import { connect } from 'amqplib';
import { expect, inject, onTestFinished, test } from 'vitest';
import { decodeEvents, type TaskEvent } from '../../src/events/task-events.ts';
import { TaskQueueClient } from '../../src/index.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { newTask, openClient, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { newVhost } from '../support/vhost.ts';

const COUNT = 1_000;
const BODY = 'x'.repeat(1_000);

/** Messages one after the other, in a few lanes: several events wait together, also where everything takes long. */
const SHORT_COUNT = 300;
const LANES = 8;

/** All at once, so that their events are many in a row. */
function publishMany(client: TaskQueueClient, taskId: string, first = 0): Promise<unknown> {
  return Promise.all(
    Array.from({ length: COUNT }, (_, index) => client.publish(taskId, raw(`${first + index} ${BODY}`))),
  );
}

/** The number that a message of these tests begins with. */
function numberOf(event: TaskEvent): number {
  return Number(event.event === 'enqueued' && event.body?.toString().split(' ', 1)[0]);
}

/** Collects the messages that events of a task copy, or those of all tasks, from when this resolves. */
async function collect(taskId?: string, url = inject('url')): Promise<number[]> {
  const numbers: number[] = [];
  const subscription = await openClient({ url }).subscribe(['enqueued'], {
    onEvent: (event) => {
      numbers.push(numberOf(event));
    },
    onLost: () => {},
    onResumed: () => {},
  });
  await subscription.follow(taskId);
  return numbers;
}

/** How many bytes a client sends for this. When it is closed, it has sent the events too. */
async function bytesSent(
  work: (client: TaskQueueClient) => Promise<unknown>,
  url = inject('url'),
): Promise<number> {
  const proxy = await FaultProxy.inFrontOf(url);
  const publisher = new TaskQueueClient(proxy.url + new URL(url).pathname);
  await work(publisher);
  await publisher.close();
  return proxy.sent;
}

test('copies come in the order of the queue, also where some messages wait until it is created', async () => {
  const publisher = openClient();
  const expected = Array.from({ length: SHORT_COUNT }, (_, number) => number);
  for (let round = 0; round < 3; round++) {
    const task = newTask();
    const numbers = await collect(task);
    const sent: Promise<unknown>[] = [];
    for (const number of expected) {
      sent.push(publisher.publish(task, raw(`${number} ${BODY}`)));
      await setImmediate();
    }
    await Promise.all(sent);
    await expect.poll(() => numbers.length).toBe(SHORT_COUNT);
    expect(numbers).toEqual(expected);
  }
});

test('of many messages no copies are sent while nobody listens, and all of them as soon as somebody does', async () => {
  // Nobody in it listens for another test.
  const { url } = await newVhost();
  const work = (client: TaskQueueClient) => publishMany(client, 'task');
  expect(await bytesSent(work, url)).toBeLessThan(COUNT * BODY.length * 1.3);

  const numbers = await collect('task', url);
  expect(await bytesSent(work, url)).toBeGreaterThan(COUNT * BODY.length * 2);
  await until(() => numbers.length >= COUNT);
  expect(numbers).toEqual(Array.from({ length: COUNT }, (_, index) => index));
});

test('of a task with messages one after the other events are left out while nobody listens, and then all are sent', async () => {
  const { url } = await newVhost();
  const work = async (client: TaskQueueClient) => {
    let next = 0;
    const lane = async () => {
      while (next < SHORT_COUNT) await client.publish('task', raw(`${next++} ${'x'.repeat(300)}`));
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  };
  const unheard = await bytesSent(work, url);

  const numbers = await collect(undefined, url);
  expect(await bytesSent(work, url)).toBeGreaterThan(unheard + SHORT_COUNT * 300);
  await until(() => numbers.length >= SHORT_COUNT);
  expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: SHORT_COUNT }, (_, index) => index));
});

test('a plain AMQP consumer with an ordinary binding receives all events of bulk publishers from then on, in order', async () => {
  const publisher = openClient();
  const tasks = [newTask(), newTask()] as const;
  // What is sent before leaves the publisher sure that nobody listens.
  for (const task of tasks) await publishMany(publisher, task);
  const connection = await connect(inject('url'));
  onTestFinished(() => connection.close());
  const channel = await connection.createChannel();
  const seen = new Map<string, number[]>(tasks.map((task) => [task, []]));
  const consume = async (pattern: string, wanted: readonly string[]) => {
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue(queue, 'mcp:events', pattern);
    await channel.consume(queue, (message) => {
      const events = decodeEvents(message?.fields.routingKey ?? '', message?.content ?? Buffer.alloc(0));
      // Events of the first messages may still be on their way.
      for (const event of events)
        if (wanted.includes(event.taskId) && numberOf(event) >= COUNT)
          seen.get(event.taskId)?.push(numberOf(event));
    });
  };
  await consume('enqueued.#', [tasks[0]]);
  await consume(`enqueued.${tasks[1]}`, [tasks[1]]);
  await Promise.all(tasks.map((task) => publishMany(publisher, task, COUNT)));
  const all = Array.from({ length: COUNT }, (_, index) => COUNT + index);
  for (const task of tasks) await expect.poll(() => seen.get(task)).toEqual(all);
});

test.each([
  ['a task', 1],
  ['many tasks', 20],
])(
  'who begins to listen amid a flood to %s sees every message that is published from then on, in order',
  async (_, count) => {
    const publisher = openClient();
    const tasks = Array.from({ length: count }, () => newTask());
    let published = 0;
    let isOver = false;
    const flood = Promise.all(
      Array.from({ length: 200 }, async () => {
        while (!isOver) {
          const index = published++;
          await publisher.publish(tasks[index % count] as string, raw(`${index} ${BODY}`));
        }
      }),
    );
    await until(() => published > 500);
    const numbers = await collect(tasks[0]);
    const first = Math.ceil(published / count) * count;
    await until(() => published > first + 1_500);
    isOver = true;
    await flood;
    const last = Math.floor((published - 1) / count) * count;
    await until(() => numbers.at(-1) === last);
    const seen = numbers.slice(numbers.indexOf(first));
    expect(seen).toEqual(
      Array.from({ length: (last - first) / count + 1 }, (_, index) => first + index * count),
    );
  },
);

test('the copies of messages whose properties come one after the other in one object are right', async () => {
  const task = newTask();
  const ids: unknown[] = [];
  const subscription = await openClient().subscribe(['enqueued'], {
    onEvent: (event) => void (event.event === 'enqueued' && ids.push(event.properties.message_id)),
    onLost: () => {},
    onResumed: () => {},
  });
  await subscription.follow(task);
  const client = openClient();
  const properties = { delivery_mode: 2, message_id: '' };
  const expected = Array.from({ length: 5 }, (_, index) => `id-${index}`);
  const publishing = expected.map((id) => {
    properties.message_id = id;
    return client.publish(task, { body: Buffer.from(id), properties });
  });
  await Promise.all(publishing);
  await until(() => ids.length === expected.length);
  expect(ids).toEqual(expected);
});

test('events reach a listener again after their exchange was deleted', async () => {
  const { url } = await newVhost();
  const numbers = await collect('task', url);
  const connection = await connect(url);
  onTestFinished(() => connection.close());
  await (await connection.createChannel()).deleteExchange('mcp:events');
  const publisher = openClient({ url });
  await until(async () => {
    await publisher.publish('task', raw('1'));
    return numbers.length > 0;
  });
});
