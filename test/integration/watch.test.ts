import { connect } from 'amqplib';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import {
  listTaskQueues,
  type TaskQueueClient,
  type WatchItem,
  type WatchTasksOptions,
  watchTasks,
} from '../../src/index.ts';
import { newTask, numbered, openClient, openQueue, raw } from '../support/tasks.ts';
import { callApi, newVhost } from '../support/vhost.ts';

/** Watches until `isEnough`, or fails by the test's timeout; answers what was seen. */
async function watchUntil(
  client: TaskQueueClient,
  taskIds: string[],
  isEnough: (items: WatchItem[]) => boolean,
  options: WatchTasksOptions = {},
  onFirst?: () => void,
): Promise<WatchItem[]> {
  const items: WatchItem[] = [];
  for await (const item of watchTasks(client, taskIds, options)) {
    items.push(item);
    if (items.length === 1) onFirst?.();
    if (isEnough(items)) break;
  }
  return items;
}

const textOf = (item: WatchItem) => (item.kind === 'message' ? item.message.body.toString() : item.kind);
const texts = (items: WatchItem[]) => items.map(textOf);

/** Publishes as the Python package does: plain AMQP, no events, hardly any properties. */
async function publishForeign(taskId: string, bodies: string[], url = inject('url')): Promise<void> {
  const other = await connect(url);
  const channel = await other.createConfirmChannel();
  await channel.assertQueue(`mcp:queue:${taskId}`, { durable: true });
  for (const body of bodies)
    channel.sendToQueue(`mcp:queue:${taskId}`, Buffer.from(body), { deliveryMode: 2 });
  await channel.waitForConfirms();
  await other.close();
}

/** Publishes without events, again and again, until the watch has shown one: nothing tells that it has begun. */
async function watchWhilePublishing(
  taskId: string,
  watched: string[],
  { url = inject('url'), ...options }: WatchTasksOptions & { url?: string } = {},
): Promise<WatchItem[]> {
  const watching = watchUntil(openClient({ url }), watched, (items) => items.length > 0, options);
  const done = watching.then(() => true);
  for (let index = 10; !(await Promise.race([done, pause(1200)])); index++)
    await publishForeign(taskId, [`new ${index}`], url);
  return watching;
}

async function readyByStatistics(url: string, taskId: string): Promise<number | undefined> {
  const options = { url, apiUrl: inject('apiUrl'), source: 'statistics' } as const;
  for await (const queues of listTaskQueues(options)) {
    const found = queues.find((queue) => queue.taskId === taskId);
    if (found) return found.ready;
  }
  return undefined;
}

describe('watchTasks', () => {
  test('two watchers see all of 300 messages that are dequeued at once, in order', async () => {
    const task = newTask();
    const publisher = openClient();
    const reader = openClient();
    const wanted = ['ready', ...Array.from({ length: 300 }, (_, index) => String(index))];
    await publisher.publish(task, raw('ready'));
    let begun = 0;
    const bothBegan = deferred();
    const begin = () => {
      if (++begun === 2) bothBegan.resolve(undefined);
    };
    const watchers = [openClient(), openClient()].map((client) =>
      watchUntil(client, [task], (items) => items.length === wanted.length, { tail: 1 }, begin),
    );
    await bothBegan.promise;
    await reader.take(task, () => {});
    for (const text of wanted.slice(1)) {
      await publisher.publish(task, raw(text));
      expect(await reader.take(task, ({ body }) => body.toString())).toBe(text);
    }
    for (const seen of await Promise.all(watchers)) expect(texts(seen)).toEqual(wanted);
  });

  test('shows a message of a publisher without events exactly once, and leaves it where it is', async () => {
    const task = newTask();
    const client = openClient();
    await client.publish(task, raw('ours, before'));
    const seen = await watchUntil(
      openClient(),
      [task],
      (items) => texts(items).includes('ours, after'),
      { tail: 10 },
      () => void publishForeign(task, ['foreign', 'foreign']).then(() => whenSeen()),
    );
    // Only when the foreign ones can have been shown twice does the last one end the watch.
    async function whenSeen() {
      await new Promise((resolve) => setTimeout(resolve, 1500));
      await client.publish(task, raw('ours, after'));
    }
    expect(texts(seen)).toEqual(['ours, before', 'foreign', 'foreign', 'ours, after']);
    expect(seen.map((item) => item.kind === 'message' && item.source)).toEqual([
      'existing',
      'found',
      'found',
      'live',
    ]);
    expect(await client.depth(task)).toEqual({ messages: 4, consumers: 0 });
  });

  test('does not show what was there before the watch when a publisher without events adds to it', async () => {
    const task = newTask();
    await publishForeign(task, ['old', 'old too']);
    const seen = await watchWhilePublishing(task, [task]);
    expect(texts(seen)).toEqual([expect.stringMatching(/^new \d+$/)]);
  });

  test('notices publishers without events where no task is named, with the management API', async () => {
    const { url } = await newVhost();
    const task = newTask();
    await publishForeign(task, ['old', 'old too'], url);
    await expect.poll(() => readyByStatistics(url, task), { timeout: 20_000, interval: 500 }).toBe(2);
    const seen = await watchWhilePublishing(task, [], { url, api: { url, apiUrl: inject('apiUrl') } });
    expect(texts(seen)).not.toContain('old');
    expect(seen[0]).toMatchObject({ source: 'found', message: { taskId: task } });
    expect(texts(seen)).toEqual([...new Set(texts(seen))].sort());
  }, 60_000);

  test('says once that it cannot notice them where the management API does not answer', async () => {
    const client = openClient();
    const task = newTask();
    const seen = await watchUntil(
      openClient(),
      [],
      (items) => texts(items).includes('seen'),
      { api: { url: inject('url'), apiUrl: 'http://127.0.0.1:1' } },
      () => void client.publish(task, raw('seen')),
    );
    expect(seen.filter(({ kind }) => kind === 'gap')).toEqual([
      {
        kind: 'gap',
        taskId: undefined,
        reason: expect.stringMatching(
          /^messages of publishers without events are not seen for now: Cannot reach/,
        ),
      },
    ]);
  });

  test('follows all tasks when none is named, and tells what is taken out', async () => {
    const tasks = [newTask('a.b*#'), newTask('with space'), newTask('ünï')];
    const client = openClient();
    await client.publish(tasks[0] as string, raw('first'));
    const watching = watchUntil(
      openClient(),
      [],
      // The second one ends a round that was seen from its beginning.
      (items) => items.filter((item) => item.kind === 'cleared' && item.taskId === tasks[2]).length === 2,
      { removals: true },
    );
    // Nothing tells that a watcher of all tasks has begun, so this goes on until it has seen one.
    const done = watching.then(() => true);
    while (!(await Promise.race([done, pause(20)]))) {
      for (const task of tasks) await client.publish(task, raw(task));
      await client.take(tasks[1] as string, () => {});
      await client.clear(tasks[2] as string);
    }
    const items = (await watching).filter(
      (item) => 'taskId' in item === false || tasks.includes(item.taskId as string),
    );
    expect(texts(items)).toEqual(expect.arrayContaining(tasks));
    expect(items).toContainEqual({ kind: 'cleared', taskId: tasks[2], count: 1 });
    expect(items).toContainEqual(expect.objectContaining({ kind: 'dequeued', taskId: tasks[1], count: 1 }));
  });

  test('shows only the tasks that were named, also where an id looks like a pattern', async () => {
    const star = newTask('*');
    const watched = [`${star}.*`, `${star}.#`];
    const client = openClient();
    for (const task of [...watched, `${star}.other`]) await client.publish(task, raw(task));
    const seen = await watchUntil(
      openClient(),
      watched,
      (items) => items.length >= 4,
      { tail: 1 },
      () => {
        void (async () => {
          for (const task of [`${star}.other`, ...watched]) await client.publish(task, raw(`again ${task}`));
        })();
      },
    );
    expect(new Set(seen.map((item) => item.kind === 'message' && item.message.taskId))).toEqual(
      new Set(watched),
    );
    for (const task of [...watched, `${star}.other`]) await client.clear(task);
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
    for (let round = 0; round < 10; round++) {
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

  test('begins with the newest messages that are there', async () => {
    const task = newTask();
    const client = openClient();
    for (let index = 0; index < 20; index++) await client.publish(task, raw(String(index)));
    // And with it whatever it has still to tell.
    await client.close();
    const seen = await watchUntil(openClient(), [task], (items) => items.length === 3, { tail: 3 });
    expect(texts(seen)).toEqual(['17', '18', '19']);
  });

  test('shows what its publisher is still to tell of once, and in order', async () => {
    const client = openClient();
    for (let round = 0; round < 10; round++) {
      const task = newTask();
      for (let index = 0; index < 20; index++)
        await client.publish(task, { ...raw(String(index)), properties: { message_id: `${index}` } });
      const isLast = (items: WatchItem[]) => texts(items).includes('19');
      const seen = texts(await watchUntil(openClient(), [task], isLast, { tail: 3 }));
      expect(seen.length).toBeGreaterThanOrEqual(3);
      expect(seen).toEqual(Array.from(seen, (_, index) => String(20 - seen.length + index)));
    }
  });

  test('tells of a message that is too large for its event', async () => {
    const task = newTask();
    const client = openClient();
    await client.publish(task, raw('small'));
    const large = { body: Buffer.alloc(100_000, 'x'), properties: { message_id: 'large' } };
    const seen = await watchUntil(
      openClient(),
      [task],
      (items) => items.length === 2,
      { tail: 1 },
      () => {
        void client.publish(task, large);
      },
    );
    expect(seen[1]).toMatchObject({ kind: 'large-message', taskId: task, bodyBytes: 100_000 });
  });

  test('ends with its signal, and leaves no queue of its own behind', async () => {
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

  test('a user without permission on the events still enqueues, dequeues and waits, and is warned once', async () => {
    const { url } = await newVhost();
    const vhost = new URL(url).pathname.slice(1);
    const user = `user-${vhost}`;
    await callApi('PUT', `users/${user}`, { password: 'pw', tags: '' });
    onTestFinished(async () => void (await callApi('DELETE', `users/${user}`)));
    const onlyQueues = {
      configure: '^mcp:queue:',
      write: '^(mcp:queue:.*|amq\\.default)$',
      read: '^mcp:queue:',
    };
    await callApi('PUT', `permissions/${vhost}/${user}`, onlyQueues);
    const warnings: string[] = [];
    const queue = openQueue({
      url: url.replace('://', `://${user}:pw@`),
      onWarning: ({ message }) => warnings.push(message),
    });
    const waiting = queue.waitForMessage('task');
    await queue.enqueue('task', numbered(1));
    await waiting;
    expect(await queue.dequeue('task')).toEqual(numbered(1));
    await expect
      .poll(() => warnings)
      .toEqual([
        expect.stringContaining('Cannot subscribe to task events'),
        expect.stringContaining('Events are off'),
      ]);
    await expect(
      watchTasks(openClient({ url: url.replace('://', `://${user}:pw@`) }), []).next(),
    ).rejects.toMatchObject({
      code: 'ACCESS_REFUSED',
    });
  });
});

function pause(ms: number): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), ms));
}

function deferred() {
  let resolve: (value: undefined) => void = () => {};
  const promise = new Promise<undefined>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
