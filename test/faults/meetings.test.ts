import { expect, inject, test } from 'vitest';
import type { RabbitMQTaskMessageQueue, StoredMessage, TaskQueueClient } from '../../src/index.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { extent } from '../support/figures.ts';
import { RawAmqp } from '../support/raw-amqp.ts';
import { queueOf } from '../support/raw-tasks.ts';
import { numberOf } from '../support/task-operations.ts';
import { newTask, numbered, observer, openClient, openQueue } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { collectWarnings } from '../support/warnings.ts';

interface Caller {
  client: TaskQueueClient;
  queue: RabbitMQTaskMessageQueue;
}

/** What a call got out of the queue, by the numbers of the messages. */
type Call = (caller: Caller, task: string, got: number[]) => Promise<unknown>;

const note = (got: number[]) => (batch: readonly StoredMessage[]) => void got.push(...batch.map(numberOf));

const CALLS: { [name: string]: Call } = {
  'deleteIfUnused()': ({ client }, task) => client.deleteIfUnused(task),
  'clear()': ({ client }, task, got) => client.clear(task, note(got)),
  'dequeueAll()': async ({ queue }, task, got) => {
    for (const message of await queue.dequeueAll(task)) got.push(numberIn(message));
  },
  'dequeue()': async ({ queue }, task, got) => {
    const message = await queue.dequeue(task);
    if (message) got.push(numberIn(message));
  },
  'drain()': ({ client }, task, got) => client.drain(task, note(got)),
  'take()': ({ client }, task, got) => client.take(task, (message) => note(got)([message])),
  'take(), which fails,': ({ client }, task) => client.take(task, () => Promise.reject('no')).catch(() => {}),
  'peek()': ({ client }, task) => client.peek(task, { limit: 9 }),
  'enqueue()': ({ queue }, task) => queue.enqueue(task, numbered(2)),
};

/** What deletes the queue, and takes what is there, and how many answers later. */
const ENDS = [
  ['deleteIfUnused()', 1],
  ['dequeueAll()', 2],
  ['clear()', 3],
] as const;

const numberIn = ({ timestamp }: { timestamp: number }) => timestamp - numbered(0).timestamp;

async function callerAt(url: string): Promise<Caller & { warnings: { message: string }[] }> {
  const { warnings, onStatus } = collectWarnings();
  const options = { url, events: 'off', onStatus } as const;
  const caller = { client: openClient(options), queue: openQueue(options), warnings };
  // What it opens first is not counted among the steps of a call.
  const task = newTask();
  await caller.queue.enqueue(task, numbered(0));
  await caller.client.peek(task);
  await caller.client.deleteIfUnused(task);
  return caller;
}

/**
 * Each answer of the broker is held back in turn, and meanwhile others publish a message; some answers later, they delete
 * the queue. Random delays meet such a moment in one of thousands of calls.
 */
test.each(Object.entries(CALLS))(
  'wherever %s meets others, no message is lost or multiplied',
  async (name, call) => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const [caller, others] = [await callerAt(proxy.url), await callerAt(inject('url'))];
    for (const [end, steps] of ENDS.slice(0, extent(1, ENDS.length))) {
      for (let first = 1, isHeld = true; isHeld; first++) {
        const task = newTask();
        await others.queue.enqueue(task, numbered(0));
        const got: number[] = [];
        // It is for empty queues.
        if (name === 'deleteIfUnused()') await others.client.drain(task, note(got));
        let hasEnded = false;
        const holdAnswer = async (count: number) => {
          proxy.fault = { kind: 'none' };
          proxy.fault = { kind: 'hold', atPiece: proxy.pieces + count };
          await until(() => proxy.isHolding || hasEnded);
          // By now the broker has read what it does not answer.
          await observer().depth(task);
        };
        const holding = holdAnswer(first);
        const calling = call(caller, task, got).finally(() => {
          hasEnded = true;
        });
        await holding;
        isHeld = !hasEnded;
        await others.queue.enqueue(task, numbered(1));
        await holdAnswer(steps);
        await CALLS[end]?.(others, task, got);
        proxy.fault = { kind: 'none' };
        await calling;
        const all = name === 'enqueue()' ? [0, 1, 2] : [0, 1];
        const isTwice = caller.warnings.splice(0).some(({ message }) => message.includes('delivered twice'));
        const found = async () => {
          const left = (await RawAmqp.look(inject('url'), queueOf(task))).map(numberOf);
          const numbers = [...got, ...left].sort();
          return isTwice ? [...new Set(numbers)] : numbers;
        };
        await expect.poll(found, { message: `at answer ${first}, and ${end} ${steps} later` }).toEqual(all);
      }
    }
  },
);

const BASIC_GET = '\0\x3c\0\x46';

test('dequeueAll() holds no message that comes as it ends, which another deletion would take with the queue', async () => {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const { queue } = await callerAt(proxy.url);
  const task = newTask();
  await queue.enqueue(task, numbered(0));
  proxy.fault = { kind: 'hold', answerTo: BASIC_GET };
  expect(await queue.dequeueAll(task)).toHaveLength(1);
  expect(proxy.isHolding).toBe(false);
  expect(await observer().depth(task)).toBeUndefined();
});

test('deleteIfUnused() of what was just cleared holds none either', async () => {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const { client, queue } = await callerAt(proxy.url);
  const task = newTask();
  await queue.enqueue(task, numbered(0));
  await client.clear(task, () => {}, { keepQueue: true });
  proxy.fault = { kind: 'hold', answerTo: BASIC_GET };
  expect(await client.deleteIfUnused(task)).toBe(true);
  expect(proxy.isHolding).toBe(false);
});
