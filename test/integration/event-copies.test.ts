import { expect, inject, test } from 'vitest';
import { type TaskEvent, TaskQueueClient } from '../../src/index.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { newTask, openClient, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';

const COUNT = 1_000;
const BODY = 'x'.repeat(1_000);

/** All at once, so that their events are many in a row. */
function publishMany(client: TaskQueueClient, taskId: string): Promise<unknown> {
  return Promise.all(
    Array.from({ length: COUNT }, (_, index) => client.publish(taskId, raw(`${index} ${BODY}`))),
  );
}

/** The number that a message of these tests begins with. */
function numberOf(event: TaskEvent): number {
  return Number(event.event === 'enqueued' && event.body?.toString().split(' ', 1)[0]);
}

/** Collects the events of a task, from when this resolves. */
async function collect(taskId: string): Promise<number[]> {
  const numbers: number[] = [];
  const subscription = await openClient().subscribe(['enqueued'], {
    onEvent: (event) => {
      numbers.push(numberOf(event));
    },
    onLost: () => {},
    onResumed: () => {},
    onOverflow: () => {},
  });
  await subscription.follow(taskId);
  return numbers;
}

/** How many bytes a client sends to publish many messages. When it is closed, it has sent their events too. */
async function bytesSent(taskId: string): Promise<number> {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const publisher = new TaskQueueClient(proxy.url);
  await publishMany(publisher, taskId);
  await publisher.close();
  return proxy.sent;
}

test('of many messages no copies are sent while nobody listens, and all of them as soon as somebody does', async () => {
  const task = newTask();
  expect(await bytesSent(task)).toBeLessThan(COUNT * BODY.length * 1.3);

  const numbers = await collect(task);
  expect(await bytesSent(task)).toBeGreaterThan(COUNT * BODY.length * 2);
  await until(() => numbers.length >= COUNT);
  expect(numbers).toEqual(Array.from({ length: COUNT }, (_, index) => index));
});

test('who begins to listen amid a flood sees every message that is published from then on, in order', async () => {
  const publisher = openClient();
  const task = newTask();
  let published = 0;
  let isOver = false;
  const flood = Promise.all(
    Array.from({ length: 200 }, async () => {
      while (!isOver) await publisher.publish(task, raw(`${published++} ${BODY}`));
    }),
  );
  await until(() => published > 2_000);
  const numbers = await collect(task);
  const first = published;
  await until(() => published > first + 2_000);
  isOver = true;
  await flood;
  await until(() => numbers.at(-1) === published - 1);
  const seen = numbers.slice(numbers.indexOf(first));
  expect(seen).toEqual(Array.from({ length: published - first }, (_, index) => first + index));
});
