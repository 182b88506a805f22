import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import type {
  RawMessage,
  StatusEvent,
  TaskQueueClient,
  TaskQueueOptions,
  WatchItem,
} from '../../src/index.ts';
import type { RunningBroker } from '../../src/local-broker/index.ts';
import { startPrivateBroker } from '../support/broker.ts';
import { runCli, temporaryFolder } from '../support/cli.ts';
import { duration, noteFigures } from '../support/figures.ts';
import { queueOf } from '../support/raw-tasks.ts';
import { SharedFault } from '../support/shared-fault.ts';
import { numbered, openClient, openQueue, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { texts, watching } from '../support/watching.ts';

/** RabbitMQ takes back what a consumer holds for longer than this, by default 30 minutes. */
const CONSUMER_TIMEOUT_MS = 3_000;
/** By default once a minute; from 4.3 on a quorum queue looks in time. */
const LOOK_MS = 200;
/** Where nobody can see that the time is over. */
const TOO_LONG_MS = 3 * CONSUMER_TIMEOUT_MS;

/** RabbitMQ before 4.3 closes the channel, and later ones end the consumer. */
const TAKEN_BACK = {
  code: 'CONNECTION_LOST',
  message: expect.stringMatching(
    /unacknowledged for longer than it allows|unacknowledged for too long and are back/,
  ),
  hint: expect.stringMatching(/consumer_timeout/),
};

let broker: RunningBroker;

beforeAll(async () => {
  broker = await startPrivateBroker({
    management: true,
    config: [`consumer_timeout = ${CONSUMER_TIMEOUT_MS}`],
  });
  await broker.ctl('eval', `application:set_env(rabbit, channel_tick_interval, ${LOOK_MS}).`);
});

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
  await until(() =>
    queue.enqueue(task, numbered(3)).then(
      () => true,
      (error) => {
        if (error.code !== 'PUBLISH_UNCONFIRMED') throw error;
        return false;
      },
    ),
  );
  await alarm.begun();
  await until(() =>
    queue.enqueue(task, numbered(3)).then(
      () => false,
      (error) => error.code === 'BROKER_BLOCKED',
    ),
  );
  return queue;
}

/** `enqueue` fails by its deadline, reading goes on, of the same task as well, and afterwards all does. */
async function enqueueFails(alarm: SharedFault): Promise<void> {
  const confirmTimeoutMs = 3_000;
  // One after the other they would wait ten times as long.
  const behind = Array<string>(10).fill('behind');
  const queue = await blockedQueue(alarm, 'filled', { confirmTimeoutMs });
  const before = await queue.size('filled');
  // To a known queue, to a new one, and one behind the other.
  const begun = performance.now();
  const enqueued = Promise.allSettled(
    ['filled', 'new', ...behind].map((task) => queue.enqueue(task, numbered(9))),
  );
  expect(await queue.dequeue('filled')).toEqual(numbered(0));
  expect(performance.now() - begun).toBeLessThan(confirmTimeoutMs * 0.9);
  const outcomes = await enqueued;
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
  expect(await queue.peek('filled')).toEqual(numbered(1));
  expect(await queue.dequeue('filled')).toEqual(numbered(1));
  expect(await queue.size('filled')).toBe(before - 2);

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

/** `close` does not wait for an answer that would come after the alarm, for the sake of an event. */
async function closesAtOnce(alarm: SharedFault): Promise<void> {
  await openQueue({ url: broker.url }).enqueue('closed', numbered(0));
  await alarm.begun();
  const queue = openQueue({ url: broker.url, closeTimeoutMs: 60_000 });
  expect(await queue.dequeue('closed')).toEqual(numbered(0));
  const begun = performance.now();
  await queue.close();
  expect(performance.now() - begun).toBeLessThan(10_000);
  await alarm.over();
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
  await until(() => events.at(-1)?.type === 'unblocked');
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
  await until(async () => (await asked()).found.alarms?.length === 1);
  const withApi = await asked();
  expect(withApi.found.alarms[0]).toMatch(/low on memory: publishing is blocked/);
  expect(withApi.found.permissions).toMatchObject({ configure: true, read: true, write: null });
  expect(withApi.status).toBe(1);
  const without = await asked('--no-api');
  expect(without.found.publishing_blocked).toMatch(/memory/);
  expect(without.stderr).toContain('The broker blocks publishing');
  expect(without.status).toBe(1);
}

/** A command that is given up says why its message may still come: a look would not find it before the alarm ends. */
async function commandSaysIt(alarm: SharedFault): Promise<void> {
  await alarm.begun();
  const message = '{"jsonrpc":"2.0","method":"notifications/message"}';
  const { status, stderr } = await runCli(['enqueue', 'given-up', message, '--timeout', '3s'], {
    env: { MCP_TASKQ_URL: broker.url },
  });
  expect(status).toBe(124);
  expect(stderr).toMatch(
    /^warning: the broker blocks publishers \(low on memory\); it stores nothing until that ends\nStopped: the message may be in/,
  );
}

test('while a memory alarm lasts, nothing is lost and nothing waits forever, and afterwards all goes on', async () => {
  await SharedFault.goThrough(ALARM, [
    enqueueFails,
    fewWait,
    blockIsReported,
    statusShowsIt,
    commandSaysIt,
    closesAtOnce,
  ]);
});

async function publish(client: TaskQueueClient, task: string, count: number, text = task): Promise<string[]> {
  const bodies = Array.from({ length: count }, (_, index) => `"${text} ${index}"`);
  await Promise.all(bodies.map((body) => client.publish(task, raw(body))));
  return bodies;
}

/** From 4.3 on no others have this timeout. */
const openQuorumClient = () => openClient({ url: broker.url, queueType: 'quorum' });

const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);

async function bodiesLeft(client: TaskQueueClient, task: string): Promise<string[]> {
  return (await client.peek(task, { limit: 100 })).map(({ body }) => body.toString());
}

/** Resolves when that many messages are in the queue. */
function untilBack(task: string, messages: number): Promise<void> {
  const client = openClient({ url: broker.url });
  return until(async () => (await client.depth(task))?.messages === messages);
}

/** Takes too long the first time. */
function slowHandler(task: string, messages: number) {
  const handled: number[] = [];
  const handle = async (batch: unknown[]) => {
    handled.push(batch.length);
    if (handled.length === 1) await untilBack(task, messages);
  };
  return { handled, handle };
}

/** A drain that takes too long says so, and what it held is back. */
async function drainIsSlow(task: string, batchSize: number): Promise<void> {
  const client = openQuorumClient();
  const bodies = await publish(client, task, 10);
  const { handled, handle } = slowHandler(task, 10);
  await expect(client.drain(task, handle, { batchSize })).rejects.toMatchObject(TAKEN_BACK);
  expect(handled).toHaveLength(1);
  await expect.poll(() => client.depth(task)).toEqual({ messages: 10, consumers: 0 });
  expect(await bodiesLeft(client, task)).toEqual(bodies);
}

/** A filtered drain holds messages on several channels, and the first one ends while another one delivers. */
async function withheldForTooLong(task: string, handle: () => Promise<void>): Promise<void> {
  const client = openQuorumClient();
  const bodies = await publish(client, task, 200);
  const slow = new Set([bodies[0], bodies[150]]);
  const select = ({ body }: RawMessage) => slow.has(body.toString());
  await expect(client.drain(task, handle, { select, batchSize: 1 })).rejects.toMatchObject(TAKEN_BACK);
}

/** A drain of all or none begins again, as nothing is removed yet. */
async function allOrNoneIsSlow(): Promise<void> {
  const client = openQuorumClient();
  await publish(client, 'all-or-none', 10);
  const { handled, handle } = slowHandler('all-or-none', 10);
  expect(await client.drain('all-or-none', handle, { allOrNone: true })).toBe(10);
  expect(sum(handled.slice(1))).toBe(10);
  await expect.poll(() => client.depth('all-or-none')).toEqual({ messages: 0, consumers: 0 });
}

/** A message that is taken for too long is not said to be taken. */
async function takeIsSlow(): Promise<void> {
  const client = openQuorumClient();
  await publish(client, 'taken', 1);
  await expect(client.take('taken', () => untilBack('taken', 1))).rejects.toMatchObject(TAKEN_BACK);
  await expect.poll(() => client.depth('taken')).toEqual({ messages: 1, consumers: 0 });
}

/** `dequeue` counts as removed only what was acknowledged in time. */
async function execIsSlow(): Promise<void> {
  const client = openQuorumClient();
  const bodies = await publish(client, 'executed', 3);
  const folder = await temporaryFolder();
  const [begun, over] = [join(folder, 'begun'), join(folder, 'over')];
  // The second one takes too long: the first one is gone, and the third one is never handed over.
  const wait = `touch ${begun}; until test -e ${over}; do sleep 0.1; done`;
  const dequeue = runCli(
    ['dequeue', 'executed', '--all', '--exec', `if grep -q "executed 1"; then ${wait}; fi`],
    {
      env: { MCP_TASKQ_URL: broker.url },
    },
  );
  await until(() => existsSync(begun));
  await untilBack('executed', 2);
  await writeFile(over, '');
  const { status, stderr } = await dequeue;
  expect(stderr).toMatch(
    /1 message was removed .*; it may be back in the queue, and any others are still there/,
  );
  expect(stderr).toMatch(/^hint: .*consumer_timeout/m);
  expect(status).toBe(3);
  expect(await bodiesLeft(client, 'executed')).toEqual(bodies.slice(1));
}

const bodiesIn = (items: WatchItem[]) => texts(items).filter((text) => text.startsWith('"'));

/** A watch whose reader pauses for too long shows each message, once and in order. */
async function readerPauses(): Promise<void> {
  const client = openClient({ url: broker.url });
  const first = await publish(client, 'paused', 1);
  let goOn = () => {};
  let reading: Promise<void> | undefined;
  const items = watching(client, ['paused'], { tail: 1 }, () => reading);
  await until(() => items.length === 1);
  reading = new Promise((resolve) => {
    goOn = resolve;
  });
  // More than are kept for a reader who is behind; the rest is not acknowledged.
  const rest = await publish(client, 'paused', 1_200, 'paused later');
  await sleep(TOO_LONG_MS);
  goOn();
  await until(() => bodiesIn(items).length === 1_201);
  expect(bodiesIn(items)).toEqual([...first, ...rest]);
  const [major = 0, minor = 0] = broker.version.split('.').map(Number);
  if (major < 4 || (major === 4 && minor < 3))
    expect(items).toContainEqual({ kind: 'interrupted', error: expect.objectContaining(TAKEN_BACK) });
}

// At once, as each of them waits for seconds.
test('what a reader holds for too long is back, it is not said to be removed, and a watch misses nothing', async () => {
  await Promise.all([
    drainIsSlow('one batch', 500),
    // The broker has sent the next one by then.
    drainIsSlow('the first of some batches', 4),
    withheldForTooLong('withheld', () => sleep(0.8 * CONSUMER_TIMEOUT_MS)),
    allOrNoneIsSlow(),
    takeIsSlow(),
    execIsSlow(),
    readerPauses(),
  ]);
});

const block = (ms: number) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

test('a drain whose process learns of it too late does not claim to have removed anything', async () => {
  const client = openQuorumClient();
  const bodies = await publish(client, 'blocked', 10);
  await expect(client.drain('blocked', () => block(TOO_LONG_MS))).rejects.toMatchObject(TAKEN_BACK);
  await expect.poll(() => client.depth('blocked')).toEqual({ messages: 10, consumers: 0 });
  expect(await bodiesLeft(client, 'blocked')).toEqual(bodies);
});

// RabbitMQ before 4.3 closes the channel again at each look until it is answered, and amqplib then ends the connection.
test('a filtered drain whose process learns of it too late says so, and not that the connection was lost', () =>
  withheldForTooLong('withheld and blocked', async () => {
    block(0.8 * CONSUMER_TIMEOUT_MS);
    // All that has come is read.
    await sleep(LOOK_MS);
  }));

/** Run on the broker: deletes the queues of all watches. */
const DELETE_WATCHES = `
  [rabbit_amqqueue:delete(Q, false, false, <<"test">>) ||
    Q <- rabbit_amqqueue:list(<<"/">>),
    {resource, _, queue, <<"mcp:watch:", _/binary>>} <- [amqqueue:get_name(Q)]].`;

test('a watch whose queue is deleted begins again with another one', async () => {
  const client = openClient({ url: broker.url });
  const first = await publish(client, 'deaf', 1);
  const items = watching(client, ['deaf']);
  await until(() => items.length === 1);
  await broker.ctl('eval', DELETE_WATCHES);
  await until(() => items.some(({ kind }) => kind === 'resumed'));
  const rest = await publish(client, 'deaf', 2, 'deaf later');
  await until(() => bodiesIn(items).length === 3);
  expect(bodiesIn(items)).toEqual([...first, ...rest]);
  expect(items[1]).toMatchObject({ kind: 'interrupted', error: { code: 'CONNECTION_LOST' } });
});

test('a message that is rejected as its queue crashes is not said to be one too many for certain', async () => {
  const client = openClient({ url: broker.url, events: 'off', operationTimeoutMs: 120_000 });
  await client.publish('crashing', raw('a'));
  const name = queueOf('crashing');
  const onQueue = (what: string) => {
    const queue = `rabbit_misc:r(<<"/">>, queue, <<"${name}">>)`;
    return broker.ctl('eval', `{ok, Q} = rabbit_amqqueue:lookup(${queue}), ${what}, ok.`);
  };
  await onQueue('sys:suspend(amqqueue:get_pid(Q))');
  const publishing = expect(client.publish('crashing', raw('b'))).rejects.toMatchObject({
    code: 'QUEUE_OVERFLOW',
    hint: expect.stringContaining('the queue has crashed'),
  });
  await until(() => client.stats().inFlight.messages === 1);
  await onQueue('exit(amqqueue:get_pid(Q), kill)');
  await publishing;
});
