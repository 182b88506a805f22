import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { propertyList } from '../support/amqp-bytes.ts';
import { startCli } from '../support/cli.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { extent } from '../support/figures.ts';
import { RawAmqp } from '../support/raw-amqp.ts';
import { newRawTask, queueOf } from '../support/raw-tasks.ts';
import { observer, openClient, openQueue } from '../support/tasks.ts';
import { until } from '../support/until.ts';

let amqp: RawAmqp;

beforeAll(async () => {
  amqp = await RawAmqp.connect(inject('url'));
});

afterAll(() => amqp.close());

async function filledTask(...bodies: string[]): Promise<string> {
  const task = newRawTask('held');
  await amqp.declare(queueOf(task));
  for (const body of bodies) amqp.publish(queueOf(task), { list: propertyList({}), body: Buffer.from(body) });
  await amqp.confirmed();
  return task;
}

const bodiesIn = async (task: string) =>
  (await RawAmqp.look(inject('url'), queueOf(task))).map(({ body }) => body.toString());

/** Ways in which others end a task meanwhile. */
const REMOVALS: { [how: string]: (task: string) => Promise<unknown> } = {
  'clear() of another client': (task) => openClient().clear(task),
  'deleteIfUnused() of another client': (task) => openClient().deleteIfUnused(task),
  'dequeueAll() of another client': (task) => openQueue().dequeueAll(task),
  'clear() of another queue object': (task) => openQueue().clear(task),
};

test('messages that are held for long keep nobody from reading', async () => {
  const client = openClient();
  const tasks: string[] = [];
  while (tasks.length < 40) tasks.push(await filledTask('"held"'));
  let held = 0;
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const taken = tasks.map((task) =>
    client.take(task, async () => {
      held++;
      await released;
    }),
  );
  await until(() => held === tasks.length);
  const other = await filledTask('"other"');
  expect(await client.peek(other)).toHaveLength(1);
  expect(await client.depth(other)).toMatchObject({ messages: 1 });
  release();
  await Promise.all(taken);
});

describe('a message that take() holds', () => {
  for (const [how, remove] of Object.entries(REMOVALS)) {
    test(`outlives ${how}, and is there when its handler fails`, async () => {
      const task = await filledTask('{"held":true}');
      const client = openClient();
      await expect(
        client.take(task, async () => {
          await remove(task);
          throw new Error('the handler fails');
        }),
      ).rejects.toThrow('the handler fails');
      await expect.poll(() => bodiesIn(task)).toEqual(['{"held":true}']);
    });
  }

  test('is not removed by others, who remove what is behind it', async () => {
    const task = await filledTask('first', 'second', 'third');
    await expect(
      openClient().take(task, async () => {
        expect(await openClient().clear(task)).toBe(2);
        throw new Error('the handler fails');
      }),
    ).rejects.toThrow('the handler fails');
    await expect.poll(() => bodiesIn(task)).toEqual(['first']);
  });

  test('returns when the process that took it is killed, even if the task was cleared meanwhile', async () => {
    const task = await filledTask('{"held":true}');
    // It holds the message while the command that it runs goes on.
    const child = startCli(['dequeue', task, '--exec', 'sleep 60']);
    await until(async () => (await observer().depth(task))?.messages === 0);
    await openClient().clear(task);
    child.kill('SIGKILL');
    await expect.poll(() => bodiesIn(task)).toEqual(['{"held":true}']);
  });
});

describe('a malformed message that dequeue() comes upon', () => {
  test('is not lost where another client deletes its queue at that moment', async () => {
    for (const onMalformed of ['set-aside', 'throw'] as const) {
      const task = await filledTask('not JSON');
      const proxy = await FaultProxy.inFrontOf(inject('url'));
      // Until it hears that it has the message, the broker counts the queue as empty and unused.
      proxy.fault = { kind: 'hold', answerTo: queueOf(task) };
      const queue = openQueue({ url: proxy.url, events: 'off', onMalformed });
      const outcome = queue.dequeue(task).catch((error: unknown) => error);
      await until(async () => (await observer().depth(task))?.messages === 0);
      await openClient().clear(task);
      proxy.fault = { kind: 'none' };
      if (onMalformed === 'throw') {
        expect(await outcome).toMatchObject({ code: 'MALFORMED_MESSAGE', body: Buffer.from('not JSON') });
      } else {
        expect(await outcome).toBeUndefined();
        expect(await bodiesIn(`${task}:malformed`)).toEqual(['not JSON']);
      }
    }
  });

  test.each(['set-aside', 'throw'] as const)(
    'is with one of them where another client clears, onMalformed "%s"',
    async (onMalformed) => {
      for (let round = 0; round < extent(12, 100); round++) {
        const task = await filledTask('not JSON');
        const outcome = openQueue({ events: 'off', onMalformed }).dequeue(task);
        const removed: string[] = [];
        // Both at a time: either the one has it, or the other removes it.
        const clearing = openClient({ events: 'off' }).clear(task, (batch) => {
          for (const { body } of batch) removed.push(body.toString());
        });
        const error = await outcome.catch((reason: unknown) => reason);
        await clearing;
        if (removed.length > 0) continue;
        if (onMalformed === 'throw') expect(error).toMatchObject({ body: Buffer.from('not JSON') });
        else await expect.poll(() => bodiesIn(`${task}:malformed`)).toEqual(['not JSON']);
      }
    },
  );
});

test('a message that arrives while two clients delete the queue stays in it', async () => {
  const task = await filledTask();
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const slow = openClient({ url: proxy.url });
  proxy.fault = { kind: 'hold', answerTo: queueOf(task) };
  const deleting = slow.deleteIfUnused(task);
  await until(() => proxy.isHolding);
  // By now the broker has answered that it is empty.
  await amqp.depth(queueOf(task));
  amqp.publish(queueOf(task), { list: propertyList({}), body: Buffer.from('late') });
  await amqp.confirmed();
  const { sent } = proxy;
  proxy.fault = { kind: 'none' };
  proxy.fault = { kind: 'hold', answerTo: queueOf(task) };
  await until(() => proxy.sent > sent);
  // The first has just looked whether there is a message, and does not know it yet.
  expect(await openClient().deleteIfUnused(task)).toBe(false);
  proxy.fault = { kind: 'none' };
  expect(await deleting).toBe(false);
  expect(await bodiesIn(task)).toEqual(['late']);
});
