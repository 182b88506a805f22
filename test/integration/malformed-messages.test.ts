import { randomUUID } from 'node:crypto';
import { connect } from 'amqplib';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import type { TaskQueueOptions } from '../../src/index.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { queueOf } from '../support/raw-tasks.ts';
import { newTask, numbered, observer, openClient, openQueue, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { callApi, newVhost } from '../support/vhost.ts';
import { collectWarnings } from '../support/warnings.ts';

const MALFORMED: [what: string, body: Buffer][] = [
  ['not JSON', Buffer.from('not JSON')],
  ['nothing', Buffer.alloc(0)],
  ['another shape', Buffer.from('{"type":"request"}')],
  ['an array', Buffer.from('[]')],
  ['bytes that are not UTF-8', Buffer.from([0xff, 0xfe, 0x00, 0x80])],
];

/** A task with a malformed message between two others, and a queue that says what it warns about. */
async function taskWith(body: Buffer, options: TaskQueueOptions = {}, task = newTask()) {
  const { warnings, onStatus } = collectWarnings();
  const queue = openQueue({ onStatus, ...options });
  const client = openClient(options);
  await queue.enqueue(task, numbered(0));
  const properties = { delivery_mode: 2, message_id: 'stray', headers: { from: 'somebody' } };
  await client.publish(task, { body, properties });
  await queue.enqueue(task, numbered(1));
  return { task, queue, client, warnings };
}

describe('a malformed message', () => {
  test.each(MALFORMED)('(%s) is set aside by dequeue, and the rest is delivered', async (_what, body) => {
    const { task, queue, client, warnings } = await taskWith(body);
    expect(await queue.dequeue(task)).toEqual(numbered(0));
    expect(await queue.dequeue(task)).toEqual(numbered(1));
    expect(await queue.dequeue(task)).toBeUndefined();
    const [kept, ...more] = await client.peek(`${task}:malformed`, { limit: 9 });
    expect(kept?.body).toEqual(body);
    expect(kept?.properties).toMatchObject({
      message_id: 'stray',
      headers: { from: 'somebody', 'x-mcp-taskq-malformed': expect.any(String) },
    });
    expect(more).toEqual([]);
    expect(warnings).toMatchObject([
      { code: 'MALFORMED_MESSAGE', message: expect.stringContaining(`${task}:malformed`) },
    ]);
  });

  test('is set aside by dequeueAll, which returns the others and deletes the queue', async () => {
    const { task, queue, client, warnings } = await taskWith(Buffer.from('{'));
    expect(await queue.dequeueAll(task)).toEqual([numbered(0), numbered(1)]);
    expect(await client.depth(task)).toBeUndefined();
    expect(await client.depth(`${task}:malformed`)).toMatchObject({ messages: 1 });
    expect(warnings).toHaveLength(1);
  });

  test('that is set aside again, as the connection was lost, is said to be there perhaps twice', async () => {
    const task = newTask();
    const client = openClient();
    for (let n = 0; n < 2; n++) await client.publish(task, raw(`{${n}`));
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const warnings: string[] = [];
    const onStatus: TaskQueueOptions['onStatus'] = (event) => {
      if (event.type !== 'warning') return;
      // The first message is set aside, and the reader still holds both.
      if (warnings.push(event.error.message) === 1) proxy.reset();
    };
    const queue = openQueue({ url: proxy.url, onStatus });
    await until(() =>
      queue.dequeueAll(task).then(
        () => true,
        () => false,
      ),
    );
    const aside = await client.peek(`${task}:malformed`, { limit: 9 });
    const bodies = aside.map(({ body }) => body.toString());
    expect(new Set(bodies)).toEqual(new Set(['{0', '{1']));
    // Each copy but the first of a message comes with a warning of this kind.
    const repeated = warnings.filter((each) => each.includes('a copy of it may be there already'));
    expect(bodies.length).toBeGreaterThan(2);
    expect(repeated.length).toBeGreaterThanOrEqual(bodies.length - 2);
  });

  test('is refused by peek, which changes nothing', async () => {
    const task = newTask();
    await openClient().publish(task, raw('{'));
    await expect(openQueue().peek(task)).rejects.toMatchObject({ name: 'MalformedMessageError' });
    expect(await observer().depth(task)).toMatchObject({ messages: 1 });
  });

  test('stays where it is, and is carried by the error, with onMalformed "throw"', async () => {
    const { task, queue, client, warnings } = await taskWith(Buffer.from('{"a":1}'), {
      onMalformed: 'throw',
    });
    await queue.dequeue(task);
    for (const method of ['dequeue', 'dequeueAll', 'clear'] as const) {
      await expect(queue[method](task)).rejects.toMatchObject({
        name: 'MalformedMessageError',
        code: 'MALFORMED_MESSAGE',
        taskId: task,
        body: Buffer.from('{"a":1}'),
        reason: '"timestamp" is not a string',
      });
    }
    expect(await client.depth(task)).toMatchObject({ messages: 2 });
    expect(warnings).toEqual([]);
  });

  test('in the queue of those that were set aside stays there', async () => {
    const { task, queue, client } = await taskWith(Buffer.from('{'));
    await queue.dequeueAll(task);
    const sibling = `${task}:malformed`;
    await expect(queue.dequeue(sibling)).rejects.toMatchObject({ name: 'MalformedMessageError' });
    expect(await client.depth(sibling)).toMatchObject({ messages: 1 });
  });

  test('on a quorum queue is not worn out by retries, also with onMalformed "throw"', async () => {
    const { url } = await newVhost();
    const options = { url, queueType: 'quorum', onMalformed: 'throw' } as const;
    const { task, queue, client } = await taskWith(Buffer.from('{'), options, 'task');
    await queue.dequeue(task);
    let refusals = 0;
    let next: unknown;
    // What is given back to a quorum queue is there again a moment later.
    await until(async () => {
      next = await queue.dequeue(task).catch(({ code }) => code);
      if (next === 'MALFORMED_MESSAGE') refusals++;
      return typeof next === 'object';
    });
    expect(next).toEqual(numbered(1));
    expect(refusals).toBeGreaterThan(0);
    expect(refusals).toBeLessThan(30);
    expect(await client.depth(`${task}:malformed`)).toMatchObject({ messages: 1 });
  });
});

/** In a vhost of its own: what keeps a malformed message of a task from being set aside, and the code of the warning. */
interface Obstacle {
  code: string;
  task?: string;
  body?: Buffer;
  options?: TaskQueueOptions;
  /** Done before there is a message. @returns the URL for the server */
  prepare?: (url: string, sibling: string) => Promise<string | undefined>;
}

const vhostOf = (url: string) => new URL(url).pathname.slice(1);

async function withChannel(
  url: string,
  work: (channel: Awaited<ReturnType<Awaited<ReturnType<typeof connect>>['createChannel']>>) => unknown,
) {
  const connection = await connect(url);
  onTestFinished(() => connection.close());
  await work(await connection.createChannel());
}

const OBSTACLES: { [what: string]: Obstacle } = {
  'larger than maxMessageBytes': {
    code: 'MESSAGE_TOO_LARGE',
    body: Buffer.alloc(5_000, '?'),
    options: { maxMessageBytes: 2_000 },
  },
  'of a task whose id leaves no room for another one': { code: 'INVALID_ARGUMENT', task: 'x'.repeat(243) },
  'for whose like there is no room any more': {
    code: 'QUEUE_OVERFLOW',
    prepare: async (url, sibling) => {
      await openClient({ url }).publish(sibling, raw('full'));
      const definition = { 'max-length': 1, overflow: 'reject-publish' };
      const policy = { pattern: `:malformed$`, definition, 'apply-to': 'queues' };
      await callApi('PUT', `policies/${vhostOf(url)}/limit`, policy);
      await until(async () => {
        const outcome = await openClient({ url })
          .publish(sibling, raw('more'))
          .catch(({ code }) => code);
        return outcome === 'QUEUE_OVERFLOW';
      });
      return undefined;
    },
  },
  'that the user may not put elsewhere': {
    code: 'ACCESS_REFUSED',
    prepare: async (url) => {
      const user = `user-${randomUUID()}`;
      await callApi('PUT', `users/${user}`, { password: 'pw', tags: '' });
      onTestFinished(async () => void (await callApi('DELETE', `users/${user}`)));
      const permissions = { configure: '^mcp:(queue:task$|events|watch:)', write: '.*', read: '.*' };
      await callApi('PUT', `permissions/${vhostOf(url)}/${user}`, permissions);
      return url.replace('//', `//${user}:pw@`);
    },
  },
  'where something else has the name of the other queue': {
    code: 'QUEUE_MISMATCH',
    prepare: async (url, sibling) => {
      await withChannel(url, (channel) =>
        channel.assertQueue(queueOf(sibling), { durable: true, arguments: { 'x-queue-type': 'stream' } }),
      );
      return undefined;
    },
  },
  'where the other queue is exclusive to another connection': {
    code: 'QUEUE_LOCKED',
    prepare: async (url, sibling) => {
      await withChannel(url, (channel) => channel.assertQueue(queueOf(sibling), { exclusive: true }));
      return undefined;
    },
  },
};

/** A task in a vhost of its own whose malformed messages cannot be set aside. */
async function obstructed({ task = 'task', body = Buffer.from('{'), options, prepare }: Obstacle) {
  const { url } = await newVhost();
  const userUrl = await prepare?.(url, `${task}:malformed`);
  const { warnings, onStatus } = collectWarnings();
  const queue = openQueue({ url: userUrl ?? url, onStatus, ...options });
  const client = openClient({ url });
  for (let index = 0; index < 2; index++) {
    await client.publish(task, { body, properties: { delivery_mode: 2, message_id: `stray ${index}` } });
    await queue.enqueue(task, numbered(index));
  }
  const strays = async () => {
    const messages = await client.peek(task, { limit: 9 });
    return messages.map((message) => [message.properties.message_id, message.body.equals(body)]);
  };
  return { task, queue, client, warnings, strays };
}

const STRAYS = [
  ['stray 0', true],
  ['stray 1', true],
];

describe('a malformed message that cannot be set aside stays in its queue, and the rest is delivered:', () => {
  for (const [what, obstacle] of Object.entries(OBSTACLES)) {
    const { code } = obstacle;

    test(`${what}, by dequeue`, async () => {
      const { task, queue, client, warnings, strays } = await obstructed(obstacle);
      expect(await queue.dequeue(task)).toEqual(numbered(0));
      expect(await queue.dequeue(task)).toEqual(numbered(1));
      expect(await queue.dequeue(task)).toBeUndefined();
      // Nobody is woken by it.
      await expect(queue.waitForMessage(task, { timeoutMs: 100 })).rejects.toMatchObject({
        code: 'WAIT_TIMEOUT',
      });
      expect(warnings).toMatchObject([
        { code, message: expect.stringMatching(/cannot be set aside and stays in its queue/) },
      ]);
      // As the SDK does after the last message of a task.
      expect(await queue.dequeueAll(task)).toEqual([]);
      await queue.close();
      expect(await strays()).toEqual(STRAYS);
      if (code === 'MESSAGE_TOO_LARGE') expect(await client.depth(`${task}:malformed`)).toBeUndefined();
    });

    test(`${what}, by dequeueAll`, async () => {
      const { task, queue, warnings, strays } = await obstructed(obstacle);
      expect(await queue.dequeueAll(task)).toEqual([numbered(0), numbered(1)]);
      expect(await strays()).toEqual(STRAYS);
      expect(await queue.dequeueAll(task)).toEqual([]);
      expect(warnings).toMatchObject([{ code }]);
      expect(await strays()).toEqual(STRAYS);
    });
  }

  test('on a quorum queue too, where it is not worn out', async () => {
    const { url } = await newVhost();
    const { warnings, onStatus } = collectWarnings();
    const options = { url, queueType: 'quorum' } as const;
    const queue = openQueue({ ...options, onStatus, maxMessageBytes: 2_000 });
    const client = openClient(options);
    await client.publish('task', { body: Buffer.alloc(5_000, '?'), properties: { delivery_mode: 2 } });
    for (let index = 0; index < 30; index++) {
      await queue.enqueue('task', numbered(index));
      expect(await queue.dequeue('task')).toEqual(numbered(index));
    }
    await queue.close();
    // What is given back to a quorum queue is there again a moment later.
    await until(async () => (await client.depth('task'))?.messages === 1);
    expect(warnings).toHaveLength(1);
  });

  test('up to 128 of them in a process; the next one fails the call, and none is lost', async () => {
    const [task, client] = [newTask(), openClient()];
    const queue = openQueue({ maxMessageBytes: 2_000 });
    await Promise.all(Array.from({ length: 129 }, () => client.publish(task, raw('?'.repeat(5_000)))));
    await expect(queue.dequeue(task)).rejects.toMatchObject({ name: 'MalformedMessageError' });
    expect(await client.depth(task)).toMatchObject({ messages: 1, consumers: 128 });
    await queue.close();
    expect(await client.depth(task)).toMatchObject({ messages: 129, consumers: 0 });
  });

  test('and comes out of the way again after a lost connection', async () => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const { warnings, onStatus } = collectWarnings();
    const [task, client] = [newTask(), openClient()];
    const queue = openQueue({ url: proxy.url, maxMessageBytes: 2_000, onStatus });
    const other = openQueue();
    await client.publish(task, raw('?'.repeat(5_000)));
    for (let index = 0; index < 4; index++) {
      await other.enqueue(task, numbered(index));
      expect(await queue.dequeue(task)).toEqual(numbered(index));
      expect(await client.depth(task)).toMatchObject({ messages: 0, consumers: 1 });
      proxy.reset();
      await until(async () => (await client.depth(task))?.messages === 1);
    }
    expect(await queue.dequeue(task)).toBeUndefined();
    await queue.close();
    expect(await client.depth(task)).toMatchObject({ messages: 1, consumers: 0 });
    expect(warnings.filter(({ code }) => code === 'MESSAGE_TOO_LARGE')).toHaveLength(1);
  });
});

test('a malformed message fails the call while it is not known whether it can be set aside', async () => {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const { warnings, onStatus } = collectWarnings();
  const [task, client] = [newTask(), openClient()];
  const queue = openQueue({ url: proxy.url, reconnectTimeoutMs: 2_000, onStatus });
  await client.publish(task, raw('{'));
  await openQueue().enqueue(task, numbered(0));
  // The connection for reading is open, and the one for publishing cannot be opened.
  await queue.size(task);
  proxy.fault = { kind: 'gone' };
  for (const method of ['dequeue', 'dequeueAll'] as const) {
    await expect(queue[method](task)).rejects.toMatchObject({ name: 'MalformedMessageError' });
    expect(await client.depth(task)).toMatchObject({ messages: 2 });
  }
  expect(warnings).toMatchObject([{ code: 'CONNECTION_FAILED' }, { code: 'CONNECTION_FAILED' }]);
  proxy.fault = { kind: 'none' };
  expect(await queue.dequeue(task)).toEqual(numbered(0));
  expect(await client.depth(`${task}:malformed`)).toMatchObject({ messages: 1 });
});
