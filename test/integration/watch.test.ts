import { connect } from 'amqplib';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { encodeEvents, enqueuedEvent, routingKeyOf } from '../../src/events/task-events.ts';
import {
  listTaskQueues,
  type OutgoingMessage,
  type WatchItem,
  type WatchTasksOptions,
  watchTasks,
} from '../../src/index.ts';
import { newTask, numbered, openClient, openQueue, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { callApi, newVhost } from '../support/vhost.ts';
import { publishForeign, textOf, texts, watching, watchUntil } from '../support/watching.ts';

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
  test('two watchers see all of 50 messages that are dequeued at once, in order', async () => {
    const task = newTask();
    const publisher = openClient();
    const reader = openClient();
    const wanted = ['ready', ...Array.from({ length: 50 }, (_, index) => String(index))];
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
    await expect.poll(() => readyByStatistics(url, task), { interval: 500 }).toBe(2);
    const seen = await watchWhilePublishing(task, [], { url, api: { url, apiUrl: inject('apiUrl') } });
    expect(texts(seen)).not.toContain('old');
    expect(seen[0]).toMatchObject({ source: 'found', message: { taskId: task } });
    expect(texts(seen)).toEqual([...new Set(texts(seen))].sort());
  });

  test('says once that it cannot notice them where the management API does not answer', async () => {
    // Of its own, as gaps in the tasks of other tests would be reported as well.
    const { url } = await newVhost();
    const client = openClient({ url });
    const task = newTask();
    const seen = await watchUntil(
      openClient({ url }),
      [],
      (items) => texts(items).includes('seen'),
      { api: { url, apiUrl: 'http://127.0.0.1:1' } },
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

  test('follows all tasks when none is named, and shows removals', async () => {
    const { url } = await newVhost();
    const tasks = [newTask('a.b*#'), newTask('with space'), newTask('ünï')];
    const client = openClient({ url });
    await client.publish(tasks[0] as string, raw('first'));
    const watching = watchUntil(
      openClient({ url }),
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
    const items = await watching;
    expect(texts(items)).toEqual(expect.arrayContaining(tasks));
    expect(items).toContainEqual({ kind: 'cleared', taskId: tasks[2], at: expect.any(Number), count: 1 });
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

  test('follows tasks that match a pattern, and first shows the newest messages of each', async () => {
    const { url } = await newVhost();
    const client = openClient({ url });
    const api = { url, apiUrl: inject('apiUrl') };
    for (const task of ['job-1', 'other'])
      for (const text of ['a', 'b']) await client.publish(task, raw(text));
    await expect.poll(() => readyByStatistics(url, 'other'), { interval: 500 }).toBe(2);
    await expect.poll(() => readyByStatistics(url, 'job-1'), { interval: 500 }).toBe(2);
    const seen = await watchUntil(
      openClient({ url }),
      [],
      (items) => items.length === 2,
      { tail: 1, api, globs: ['job-?', 'x*'] },
      () => {
        void (async () => {
          for (const task of ['other', 'job-2']) await client.publish(task, raw(`new in ${task}`));
        })();
      },
    );
    expect(texts(seen)).toEqual(['b', 'new in job-2']);
  });

  test('with looks switched off counts messages without an event, and shows the others', async () => {
    const task = newTask();
    const client = openClient();
    await client.publish(task, raw('before'));
    const watcher = openClient();
    watcher.peek = () => Promise.reject(new Error('It was to look at nothing'));
    const seen = watching(watcher, [task], { peek: false, tail: 1 });
    await until(() => seen.length === 1);
    for (const count of [2, 3]) {
      await publishForeign(task, ['foreign']);
      // It takes two seconds to be sure that there will be no event.
      await until(() => seen.length === count);
    }
    await client.publish(task, raw('ours'));
    await until(() => seen.length === 4);
    expect(texts(seen)).toEqual(['gap', 'gap', 'gap', 'ours']);
    expect(seen.slice(0, 3)).toMatchObject([{ missed: 1 }, { missed: 1 }, { missed: 1 }]);
  });

  test('counts what is missing before a message that was taken, though a newer one was found before its event came', async () => {
    const task = newTask();
    const queue = `mcp:queue:${task}`;
    const connection = await connect(inject('url'));
    onTestFinished(() => connection.close());
    const channel = await connection.createConfirmChannel();
    const stored = (text: string) => ({ body: Buffer.from(text), properties: { message_id: text } });
    const store = (text: string) => channel.sendToQueue(queue, Buffer.from(text), { messageId: text });
    const announce = (text: string, sequence: number) => {
      const event = { ...enqueuedEvent(task, queue, stored(text), true), stream: 'a publisher', sequence };
      channel.publish('mcp:events', routingKeyOf(event), encodeEvents([event]));
    };
    await openClient().publish(task, raw('first'));
    const items = watching(openClient(), [task]);
    await until(() => items.length === 1);
    store('begun');
    announce('begun', 1);
    await until(() => items.length === 2);
    // It came after those that were taken already, and its event is late as theirs are.
    store('found');
    await until(() => items.length === 3);
    announce('taken', 4);
    announce('found', 5);
    announce('last', 6);
    await until(() => texts(items).includes('last'));
    expect(texts(items)).toEqual(['first', 'begun', 'found', 'gap', 'taken', 'last']);
    expect(items[3]).toMatchObject({ missed: 2 });
  });

  test('shows messages that are taken out and replayed under their message ids again', async () => {
    const task = newTask();
    const client = openClient();
    const taken: OutgoingMessage[] = [];
    for (const id of ['a', 'b'])
      await client.publish(task, { body: Buffer.from(id), properties: { message_id: id } });
    const seen = await watchUntil(
      openClient(),
      [task],
      (items) => items.length === 4,
      { tail: 2 },
      () => {
        void (async () => {
          // Longer than an event may be under way that belongs to what was there.
          await pause(500);
          await client.drain(task, (batch) => void taken.push(...batch));
          await pause(500);
          for (const { body, properties } of taken) await client.publish(task, { body, properties });
        })();
      },
    );
    expect(texts(seen)).toEqual(['a', 'b', 'a', 'b']);
  });

  test('shows all in order to a reader who pauses', async () => {
    const task = newTask();
    const client = openClient();
    await client.publish(task, raw('ready'));
    const seen: string[] = [];
    for await (const item of watchTasks(openClient(), [task], { tail: 1 })) {
      seen.push(textOf(item));
      if (seen.length === 1) {
        for (let start = 0; start < 900; start += 100)
          await Promise.all(
            Array.from({ length: 100 }, (_, index) => client.publish(task, raw(`${start + index}`))),
          );
      }
      // More than wait for a reader, while the queue can still be looked at.
      if (seen.length === 300) {
        await client.drain(task, () => {}, { limit: 600 });
        for (let start = 900; start < 1_500; start += 100)
          await Promise.all(
            Array.from({ length: 100 }, (_, index) => client.publish(task, raw(`${start + index}`))),
          );
        await pause(1_500);
      }
      if (textOf(item) === '1499') break;
    }
    expect(seen).toEqual(['ready', ...Array.from({ length: 1_500 }, (_, index) => String(index))]);
  });

  test('of many tasks does not make Node warn of a leak', async () => {
    const warnings: string[] = [];
    const onWarning = ({ name }: Error) => void warnings.push(name);
    process.on('warning', onWarning);
    onTestFinished(() => void process.off('warning', onWarning));
    const tasks = Array.from({ length: 20 }, () => newTask());
    const client = openClient();
    const seen = watchUntil(openClient(), tasks, (items) => items.length === 1);
    const done = seen.then(() => true);
    while (!(await Promise.race([done, pause(300)]))) await client.publish(tasks[0] as string, raw('x'));
    expect(warnings).toEqual([]);
  });

  test('shows a message that is too large for its event', async () => {
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
      onStatus: (event) => event.type === 'warning' && warnings.push(event.error.message),
    });
    const waiting = queue.waitForMessage('task');
    await queue.enqueue('task', numbered(1));
    await waiting;
    expect(await queue.dequeue('task')).toEqual(numbered(1));
    // Of two connections, in either order.
    const two = [
      expect.stringContaining('Cannot publish events'),
      expect.stringContaining('Cannot subscribe to task events'),
    ];
    await expect.poll(() => warnings.toSorted()).toEqual(two);
    const again = queue.waitForMessage('another');
    await queue.enqueue('another', numbered(2));
    await again;
    expect(warnings.toSorted()).toEqual(two);
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
