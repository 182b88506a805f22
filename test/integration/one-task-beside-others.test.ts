import { connect } from 'amqplib';
import { expect, inject, onTestFinished, test } from 'vitest';
import { newTask, openClient, raw } from '../support/tasks.ts';
import { newVhost } from '../support/vhost.ts';

test('a stream under the name of a task does not close the connection at each dequeue', async () => {
  const { url } = await newVhost();
  const connection = await connect(url);
  onTestFinished(() => connection.close());
  const channel = await connection.createConfirmChannel();
  const queue = 'mcp:queue:streamed';
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'stream' } });
  channel.sendToQueue(queue, Buffer.from('{}'));
  await channel.waitForConfirms();
  const client = openClient({ url });
  const dequeue = () => client.dequeue('streamed');
  await expect(dequeue()).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    message: expect.stringContaining('is a stream'),
  });
  const { reconnects } = client.stats();
  for (let poll = 0; poll < 5; poll++) await expect(dequeue()).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  expect([reconnects, client.stats().reconnects]).toEqual([1, 1]);
});

test('slow handlers keep nobody from reading other tasks', async () => {
  const client = openClient();
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const handle = () => released;
  const slow = await Promise.all(
    Array.from({ length: 24 }, async (_, index) => {
      const task = newTask();
      await client.publish(task, raw('{}'));
      return index % 2 === 0 ? () => client.drain(task, handle) : () => client.browse(task, handle);
    }),
  );
  const handled = Promise.all(slow.map((read) => read()));
  const other = newTask();
  await client.publish(other, raw('other'));
  expect(await client.depth(other)).toMatchObject({ messages: 1 });
  expect((await client.dequeue(other))?.body.toString()).toBe('other');
  release();
  expect(await handled).toEqual(slow.map(() => 1));
});

test.each([4, 24])('where the broker allows %i channels, what needs one waits for it', async (channels) => {
  const client = openClient({ url: `${inject('url')}?channel_max=${channels}` });
  const tasks = Array.from({ length: 30 }, () => newTask());
  const useTask = async (task: string) => {
    const stored = raw(task);
    await Promise.all([
      client.publish(task, stored),
      client.publish(task, stored),
      client.publish(task, stored),
    ]);
    const depth = await client.depth(task);
    const [oldest] = await client.peek(task);
    const taken = await client.take(task, ({ body }) => body.toString());
    const dequeued = await client.dequeue(task);
    const drained = await client.drain(task, () => {});
    await client.deleteIfUnused(task);
    return [depth?.messages, oldest?.body.toString(), taken, dequeued?.body.toString(), drained];
  };
  const used = await Promise.all(tasks.map(useTask));
  expect(used).toEqual(tasks.map((task) => [3, task, task, task, 1]));
});
