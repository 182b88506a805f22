import { setTimeout as sleep } from 'node:timers/promises';
import { type Channel, connect } from 'amqplib';
import { describe, expect, inject, test } from 'vitest';
import type { PublishOptions, StoredMessage, TaskQueueClient } from '../../src/index.ts';
import { queueName } from '../../src/messages/queue-names.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { newTask, observer, openClient, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { collectWarnings } from '../support/warnings.ts';

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

test.each(['an-id', undefined])(
  'a message that a broker returns with changed headers is not taken for stored, message_id: %s',
  async (message_id) => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const client = openClient({ url: proxy.url, events: 'off' });
    const task = newTask();
    await publish(client, task, 1);
    await amqp(async (channel) => void (await channel.deleteQueue(queueName(task))));
    // As message interceptors do (set_header_timestamp, set_header_routing_node).
    proxy.fault = { kind: 'change', text: 'stamp-0', into: 'stamp-1' };
    const properties = { ...(message_id && { message_id }), headers: { at: 'stamp-0' } };
    await client.publish(task, { ...raw('"a"'), properties });
    expect(await observer().depth(task)).toMatchObject({ messages: 1 });
    expect(client.stats()).toMatchObject({ confirmed: 2, returned: 1 });
  },
);

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

describe('messages that somebody reads, and deletes their queue, before their publisher has heard of the confirm', () => {
  async function publishUnheard(options: PublishOptions, bodies = ['"a"']) {
    const task = newTask();
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const { warnings, onStatus } = collectWarnings();
    const client = openClient({ url: proxy.url, events: 'off', onStatus });
    // Those of a queue that is in use are sent together.
    await (options.create === false ? observer() : client).publish(task, raw('"first"'));
    proxy.fault = { kind: 'hold', answerTo: '"a"' };
    const outcomes = Promise.allSettled(bodies.map((body) => client.publish(task, raw(body), options)));
    await until(async () => (await observer().depth(task))?.messages === 1 + bodies.length);
    await openClient().clear(task);
    proxy.fault = { kind: 'none' };
    return { outcomes: await outcomes, task, warnings };
  }

  test('are published again, with one warning', async () => {
    const bodies = ['"a"', '"b"', '"c"'];
    const { outcomes, task, warnings } = await publishUnheard({ confirmStored: true }, bodies);
    expect(outcomes.map(({ status }) => status)).toEqual(bodies.map(() => 'fulfilled'));
    const queued = await observer().peek(task, { limit: 9 });
    expect(queued.map(({ body }) => body.toString())).toEqual(bodies);
    expect(warnings).toMatchObject([{ message: expect.stringContaining('delivered twice') }]);
  });

  test.each([undefined, true])(
    'are unconfirmed with create: false, confirmStored: %s',
    async (confirmStored) => {
      const { outcomes, task } = await publishUnheard({ create: false, confirmStored });
      expect(outcomes).toMatchObject([
        {
          reason: {
            code: 'PUBLISH_UNCONFIRMED',
            message: expect.stringContaining('its queue was deleted right after the confirm'),
          },
        },
      ]);
      expect(await observer().depth(task)).toBeUndefined();
    },
  );
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
