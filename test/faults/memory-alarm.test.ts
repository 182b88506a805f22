import { beforeAll, expect, test } from 'vitest';
import type { StatusEvent, TaskQueueOptions } from '../../src/index.ts';
import type { RunningBroker } from '../../src/local-broker/index.ts';
import { PATIENT_START_MS, startPrivateBroker } from '../support/broker.ts';
import { runCli } from '../support/cli.ts';
import { duration, noteFigures } from '../support/figures.ts';
import { SharedFault } from '../support/shared-fault.ts';
import { numbered, openQueue } from '../support/tasks.ts';
import { until } from '../support/until.ts';

let broker: RunningBroker;

beforeAll(async () => {
  broker = await startPrivateBroker({ management: true });
}, 2 * PATIENT_START_MS);

const ALARM = {
  begin: () => broker.ctl('set_vm_memory_high_watermark', '0'),
  end: () => broker.ctl('set_vm_memory_high_watermark', '0.4'),
};

/** A queue whose connection the broker blocks: it does so with the first message after the alarm. */
async function blockedQueue(alarm: SharedFault, task: string, options: TaskQueueOptions) {
  const filler = openQueue({ url: broker.url });
  for (let index = 0; index < 3; index++) await filler.enqueue(task, numbered(index));
  const queue = openQueue({ url: broker.url, ...options });
  // So that it knows the task's queue; a slow disk may miss the short deadline.
  await until(
    () =>
      queue.enqueue(task, numbered(3)).then(
        () => true,
        (error) => {
          if (error.code !== 'PUBLISH_UNCONFIRMED') throw error;
          return false;
        },
      ),
    30_000,
  );
  await alarm.begun();
  await until(
    () =>
      queue.enqueue(task, numbered(3)).then(
        () => false,
        (error) => error.code === 'BROKER_BLOCKED',
      ),
    30_000,
  );
  return queue;
}

/** `enqueue` fails by its deadline, reading goes on, and afterwards all does. */
async function enqueueFails(alarm: SharedFault): Promise<void> {
  const confirmTimeoutMs = 3_000;
  // One after the other they would wait ten times as long.
  const behind = Array<string>(10).fill('behind');
  const queue = await blockedQueue(alarm, 'filled', { confirmTimeoutMs });
  const before = await queue.size('filled');
  // To a known queue, to a new one, and one behind the other.
  const begun = performance.now();
  const outcomes = await Promise.allSettled(
    ['filled', 'new', ...behind].map((task) => queue.enqueue(task, numbered(9))),
  );
  const waitedMs = performance.now() - begun;
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({
      reason: {
        code: 'BROKER_BLOCKED',
        // For MCP clients, which are not to learn about the broker; its operator has the cause.
        message: expect.stringMatching(
          /^Cannot enqueue to task .*: the message broker is not accepting messages at the moment$/,
        ),
        cause: { message: expect.stringContaining('the broker blocks publishers (low on memory)') },
        hint: expect.stringContaining('nothing was sent'),
      },
    });
  }
  expect(waitedMs).toBeGreaterThan(confirmTimeoutMs * 0.9);
  expect(waitedMs).toBeLessThan(confirmTimeoutMs * 5);
  expect(await queue.peek('filled')).toEqual(numbered(0));
  expect(await queue.dequeue('filled')).toEqual(numbered(0));
  expect(await queue.size('filled')).toBe(before - 1);

  // What waits goes on as soon as the alarm is over, on its way or not yet.
  const patient = openQueue({ url: broker.url, confirmTimeoutMs: 60_000 });
  const waiting = [0, 1, 2].map((index) => patient.enqueue('patient', numbered(index)));
  await alarm.over();
  const over = performance.now();
  await Promise.all(waiting);
  noteFigures({
    'enqueue under the alarm failed after': duration(waitedMs),
    'enqueue after the end of the alarm took': duration(performance.now() - over),
  });
  expect(await queue.dequeueAll('patient')).toEqual([0, 1, 2].map(numbered));
}

/** No more operations wait than are allowed. */
async function fewWait(alarm: SharedFault): Promise<void> {
  const queue = await blockedQueue(alarm, 'few', { confirmTimeoutMs: 3_000, maxWaitingOperations: 50 });
  const outcomes = await Promise.allSettled(
    Array.from({ length: 60 }, (_, index) => queue.enqueue(`task-${index}`, numbered(index))),
  );
  const codes = outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.code);
  expect(codes.slice(0, 50)).toEqual(Array(50).fill('BROKER_BLOCKED'));
  expect(codes.slice(50)).toEqual(Array(10).fill('TOO_MANY_WAITING'));
  await alarm.over();
  await until(() =>
    queue.enqueue('after', numbered(1)).then(
      () => true,
      () => false,
    ),
  );
}

/** `blocked` and `unblocked` are reported, with the reason, and `stats()` says so in between. */
async function blockIsReported(alarm: SharedFault): Promise<void> {
  const events: StatusEvent[] = [];
  const queue = await blockedQueue(alarm, 'reported', {
    confirmTimeoutMs: 1_000,
    onStatus: (event) => events.push(event),
  });
  const node = new URL(broker.url).host;
  expect(events.at(-1)).toEqual({
    type: 'blocked',
    connection: 'publish',
    node,
    reason: expect.stringContaining('memory'),
  });
  expect(queue.stats().connections).toContainEqual({ connection: 'publish', state: 'blocked', node });
  await alarm.over();
  await until(() => events.at(-1)?.type === 'unblocked', 30_000);
  expect(queue.stats().connections).toContainEqual({ connection: 'publish', state: 'connected', node });
}

/** `status` calls it a problem (1), with and without the management API, and does not wait for its end. */
async function statusShowsIt(alarm: SharedFault): Promise<void> {
  const env = { MCP_TASKQ_URL: broker.url, MCP_TASKQ_API_URL: broker.apiUrl };
  const asked = async (...args: string[]) => {
    const { status, stdout, stderr } = await runCli(['status', '--timeout', '20s', ...args], { env });
    return { status, found: JSON.parse(stdout), stderr };
  };
  await alarm.begun();
  await until(async () => (await asked()).found.alarms?.length === 1, 30_000);
  const withApi = await asked();
  expect(withApi.found.alarms[0]).toMatch(/low on memory: publishing is blocked/);
  expect(withApi.found.permissions).toMatchObject({ configure: true, read: true, write: null });
  expect(withApi.status).toBe(1);
  const without = await asked('--no-api');
  expect(without.found.publishing_blocked).toMatch(/memory/);
  expect(without.stderr).toContain('The broker blocks publishing');
  expect(without.status).toBe(1);
}

test('while a memory alarm lasts, nothing is lost and nothing waits forever, and afterwards all goes on', async () => {
  await SharedFault.goThrough(ALARM, [enqueueFails, fewWait, blockIsReported, statusShowsIt]);
}, 120_000);
