import { beforeAll, expect, onTestFinished, test } from 'vitest';
import type { StatusEvent, TaskQueueOptions } from '../../src/index.ts';
import type { RunningBroker } from '../../src/local-broker/index.ts';
import { startPrivateBroker } from '../support/broker.ts';
import { duration, noteFigures } from '../support/figures.ts';
import { numbered, openQueue } from '../support/tasks.ts';
import { until } from '../support/until.ts';

let broker: RunningBroker;

beforeAll(async () => {
  broker = await startPrivateBroker();
}, 120_000);

const raiseAlarm = () => broker.ctl('set_vm_memory_high_watermark', '0');
const clearAlarm = () => broker.ctl('set_vm_memory_high_watermark', '0.4');

/** A queue whose connection the broker blocks: it does so with the first message after the alarm. */
async function blockedQueue(options: TaskQueueOptions) {
  onTestFinished(async () => void (await clearAlarm()));
  const filler = openQueue({ url: broker.url });
  for (let index = 0; index < 3; index++) await filler.enqueue('filled', numbered(index));
  const queue = openQueue({ url: broker.url, ...options });
  // So that it knows the task's queue; a slow disk may miss the short deadline.
  await until(
    () =>
      queue.enqueue('filled', numbered(3)).then(
        () => true,
        (error) => {
          if (error.code !== 'PUBLISH_UNCONFIRMED') throw error;
          return false;
        },
      ),
    30_000,
  );
  await raiseAlarm();
  await until(
    () =>
      queue.enqueue('filled', numbered(3)).then(
        () => false,
        (error) => error.code === 'BROKER_BLOCKED',
      ),
    30_000,
  );
  return queue;
}

test('while a memory alarm lasts, enqueue fails by its deadline, reading goes on, and afterwards all does', async () => {
  const confirmTimeoutMs = 3_000;
  const queue = await blockedQueue({ confirmTimeoutMs });
  const before = await queue.size('filled');
  // To a known queue, to a new one, and one behind the other.
  const begun = performance.now();
  const outcomes = await Promise.allSettled(
    ['filled', 'new', 'behind', 'behind', 'behind'].map((task) => queue.enqueue(task, numbered(9))),
  );
  const waitedMs = performance.now() - begun;
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({
      reason: {
        code: 'BROKER_BLOCKED',
        // For MCP clients, which are not to learn about the broker; its operator has the cause.
        message: expect.stringMatching(
          /^Cannot enqueue to task .*: the message broker takes no messages for the moment$/,
        ),
        cause: { message: expect.stringContaining('the broker blocks publishers (low on memory)') },
        hint: expect.stringContaining('nothing was sent'),
      },
    });
  }
  expect(waitedMs).toBeGreaterThan(confirmTimeoutMs * 0.9);
  expect(waitedMs).toBeLessThan(confirmTimeoutMs * 2);
  expect(await queue.peek('filled')).toEqual(numbered(0));
  expect(await queue.dequeue('filled')).toEqual(numbered(0));
  expect(await queue.size('filled')).toBe(before - 1);

  // What waits goes on as soon as the alarm is over, on its way or not yet.
  const patient = openQueue({ url: broker.url });
  const waiting = [0, 1, 2].map((index) => patient.enqueue('patient', numbered(index)));
  const clearedAt = performance.now();
  await clearAlarm();
  await Promise.all(waiting);
  noteFigures({
    'enqueue under the alarm failed after': duration(waitedMs),
    'enqueue after the end of the alarm took': duration(performance.now() - clearedAt),
  });
  expect(await queue.dequeueAll('patient')).toEqual([0, 1, 2].map(numbered));
}, 60_000);

test('no more operations wait for a blocked broker than are allowed', async () => {
  const queue = await blockedQueue({ confirmTimeoutMs: 3_000, maxWaitingOperations: 50 });
  const outcomes = await Promise.allSettled(
    Array.from({ length: 60 }, (_, index) => queue.enqueue(`task-${index}`, numbered(index))),
  );
  const codes = outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.code);
  expect(codes.slice(0, 50)).toEqual(Array(50).fill('BROKER_BLOCKED'));
  expect(codes.slice(50)).toEqual(Array(10).fill('TOO_MANY_WAITING'));
  await clearAlarm();
  await until(() =>
    queue.enqueue('after', numbered(1)).then(
      () => true,
      () => false,
    ),
  );
}, 60_000);

test('blocked and unblocked are reported, with the reason, and stats() says so in between', async () => {
  const events: StatusEvent[] = [];
  const queue = await blockedQueue({ confirmTimeoutMs: 1_000, onStatus: (event) => events.push(event) });
  const node = new URL(broker.url).host;
  expect(events.at(-1)).toEqual({
    type: 'blocked',
    connection: 'publish',
    node,
    reason: expect.stringContaining('memory'),
  });
  expect(queue.stats().connections).toContainEqual({ connection: 'publish', state: 'blocked', node });
  await clearAlarm();
  await until(() => events.at(-1)?.type === 'unblocked', 30_000);
  expect(queue.stats().connections).toContainEqual({ connection: 'publish', state: 'connected', node });
}, 120_000);
