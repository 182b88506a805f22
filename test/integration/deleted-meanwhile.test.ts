import { setTimeout as sleep } from 'node:timers/promises';
import { type Channel, connect } from 'amqplib';
import { expect, inject, test } from 'vitest';
import type { StoredMessage, TaskQueueClient } from '../../src/index.ts';
import { queueName } from '../../src/messages/queue-names.ts';
import { newTask, openClient, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';

async function publish(client: TaskQueueClient, task: string, count: number): Promise<string[]> {
  const bodies = Array.from({ length: count }, (_, index) => `"${index}"`);
  await Promise.all(bodies.map((body) => client.publish(task, raw(body))));
  return bodies;
}

/** What another program does, on a connection of its own. */
async function amqp(work: (channel: Channel) => Promise<void>): Promise<void> {
  const connection = await connect(inject('url'));
  await work(await connection.createChannel());
  await connection.close();
}

test('a drain whose queue is deleted meanwhile hands over what it was sent, and does not call that a failure', async () => {
  const client = openClient({ queueType: 'quorum' });
  const task = newTask();
  await publish(client, task, 10);
  const handled: number[] = [];
  const deleteMeanwhile = async (batch: unknown[]) => {
    handled.push(batch.length);
    if (handled.length > 1) return;
    // Both batches have come.
    await until(async () => (await client.depth(task))?.messages === 2);
    await amqp(async (channel) => void (await channel.deleteQueue(queueName(task))));
  };
  expect(await client.drain(task, deleteMeanwhile, { batchSize: 4 })).toBe(8);
  expect(handled.reduce((total, count) => total + count)).toBe(8);
});

test('a drain of all or none whose queue is deleted and declared again keeps what it has', async () => {
  const client = openClient();
  const task = newTask();
  const queue = queueName(task);
  const bodies = await publish(client, task, 10);
  const handled: string[] = [];
  const declareAgain = async (batch: StoredMessage[]) => {
    const isFirst = handled.length === 0;
    handled.push(...batch.map(({ body }) => body.toString()));
    if (!isFirst) return;
    await until(async () => (await client.depth(task))?.messages === 0);
    await amqp(async (channel) => {
      await channel.deleteQueue(queue);
      await channel.assertQueue(queue, { durable: true });
    });
    await client.publish(task, raw('"new"'));
  };
  expect(await client.drain(task, declareAgain, { allOrNone: true })).toBe(10);
  expect(handled).toEqual(bodies);
  expect((await client.peek(task)).map(({ body }) => body.toString())).toEqual(['"new"']);
});

test('a drain with a filter says how many it removed before its queue was deleted', async () => {
  const client = openClient();
  const task = newTask();
  const [first] = await publish(client, task, 250);
  const select = ({ body }: StoredMessage) => body.toString() === first;
  // A hundred that do not match fill the channel: then it opens another one, for a queue that is not there any more.
  const onRead = async (count: number) => {
    if (count === 101) await amqp(async (channel) => void (await channel.deleteQueue(queueName(task))));
  };
  expect(await client.drain(task, () => {}, { batchSize: 1, select, onRead })).toBe(1);
});

test('many drains at once whose queues are deleted all end by themselves', async () => {
  const client = openClient();
  const tasks = Array.from({ length: 16 }, () => newTask());
  for (const task of tasks) await publish(client, task, 1);
  let begun = 0;
  const deleteAll = async () => {
    if (++begun < tasks.length) return until(() => begun > tasks.length);
    await amqp(async (channel) => {
      for (const task of tasks) await channel.deleteQueue(queueName(task));
    });
    // They learn of it.
    await sleep(300);
    begun++;
  };
  const draining = tasks.map((task) => client.drain(task, deleteAll));
  expect(await Promise.all(draining)).toEqual(tasks.map(() => 1));
});
