import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { watchTasks } from '../../src/index.ts';
import type { RunningBroker } from '../../src/local-broker/index.ts';
import { startPrivateBroker, untilQueuesLast } from '../support/broker.ts';
import { temporaryFolder } from '../support/cli.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { duration, extent, noteFigures } from '../support/figures.ts';
import { answers, expectAskedOnceOrTwice, resultOf, TASKS } from '../support/many-questions.ts';
import { startServer } from '../support/mcp-server.ts';
import { NumberedLoad } from '../support/numbered-load.ts';
import { aliveAmong, childrenOf } from '../support/processes.ts';
import { SharedFault, type Witness } from '../support/shared-fault.ts';
import { numbered, openClient, openQueue, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { collectWarnings } from '../support/warnings.ts';

let broker: RunningBroker;

beforeAll(async () => {
  broker = await startPrivateBroker();
});

const KILLS = extent(1, 5);
const ENQUEUERS = 16;
const DEQUEUERS = 4;

/** Longer than a start takes on a machine that has other things to do. */
const PATIENT_MS = 120_000;

/** Loses nothing that was confirmed; where unconfirmed messages are sent again, confirms everything. */
function load(retryUnconfirmedMs: number): Witness {
  return async (kill) => {
    const { url } = broker;
    const task = `load-${retryUnconfirmedMs}`;
    const options = { url, retryUnconfirmedMs, reconnectTimeoutMs: PATIENT_MS };
    const load = new NumberedLoad(task);
    const [enqueueing, dequeueing] = [openQueue(options), openQueue(options)];
    for (let index = 0; index < ENQUEUERS; index++) load.enqueue(enqueueing);
    for (let index = 0; index < DEQUEUERS; index++) load.dequeue(dequeueing);
    await until(() => load.confirmed.size > 0);
    await untilQueuesLast();
    const kills = [];
    for (let index = 0; index < KILLS; index++) kills.push(await oneKill(kill, load, task));
    await load.stop();
    for (const message of await openQueue(options).dequeueAll(task)) load.note(message);

    const waits = kills.map(({ recoveredAfter }) => duration(recoveredAfter)).join(', ');
    noteFigures({
      [`with retryUnconfirmedMs ${retryUnconfirmedMs}`]: `${KILLS} kills`,
      confirmed: load.confirmed.size,
      'confirmed and lost': load.missing.length,
      'read twice': load.duplicates,
      'failed calls': load.failuresAsText,
      'waiting before the kill and after the start': kills
        .map(({ waiting }) => `${waiting.before} and ${waiting.after}`)
        .join(', '),
      'first confirm after the start': waits,
    });
    expect(load.missing, JSON.stringify(kills)).toEqual([]);
    // Without sending again the caller is told, and nothing else fails: all wait for the broker to come back.
    const codes = retryUnconfirmedMs > 0 ? [] : ['PUBLISH_UNCONFIRMED'];
    expect([...load.failures.keys()].filter((code) => !codes.includes(code))).toEqual([]);
  };
}

async function oneKill(kill: SharedFault, load: NumberedLoad, task: string) {
  const before = load.confirmed.size;
  await until(() => load.confirmed.size > before + 200);
  await kill.begun();
  const confirmed = load.confirmed.size;
  const unread = load.missing.length;
  await kill.over();
  const upAt = performance.now();
  const depth = await openClient({ url: broker.url }).depth(task);
  await until(() => load.confirmed.size > confirmed);
  // In the order of the confirms.
  const firstAt = [...load.confirmed.values()][confirmed] as number;
  return {
    /** How long after the broker was up the first confirm came, in milliseconds. */
    recoveredAfter: Math.max(0, firstAt - upAt),
    /** How many messages were waiting to be read, and were so again right after the start, with readers at work. */
    waiting: { before: unread, after: depth?.messages ?? 0 },
  };
}

/** Has every confirmed message, and goes on by itself. */
async function queueGoesOn(kill: SharedFault): Promise<void> {
  const queue = openQueue({ url: broker.url, reconnectTimeoutMs: PATIENT_MS });
  for (let index = 0; index < 100; index++) await queue.enqueue('task', numbered(index));
  await untilQueuesLast();
  await kill.begun();
  await Promise.all([queue.enqueue('task', numbered(100)), kill.over()]);
  const messages = await queue.dequeueAll('task');
  expect(messages.slice(0, 100)).toEqual(Array.from({ length: 100 }, (_, index) => numbered(index)));
  // The one that was on its way when the connection went may have been sent again.
  expect(messages.slice(100)).toContainEqual(numbered(100));
}

/** Waits for the broker, says so, and shows what came meanwhile. */
async function watchGoesOn(kill: SharedFault): Promise<void> {
  const { url } = broker;
  const publisher = openClient({ url });
  await publisher.publish('watched', raw('before'));
  await untilQueuesLast();
  // In between, so that a message can come before the watch is back.
  const proxy = await FaultProxy.inFrontOf(url);
  const seen: string[] = [];
  const watching = (async () => {
    for await (const item of watchTasks(openClient({ url: proxy.url }), ['watched'], { tail: 1 })) {
      seen.push(item.kind === 'message' ? item.message.body.toString() : item.kind);
      if (seen.at(-1) === 'after') return;
    }
  })();
  await expect.poll(() => seen).toEqual(['before']);
  await kill.begun();
  await expect.poll(() => seen).toEqual(['before', 'interrupted']);
  proxy.fault = { kind: 'gone' };
  await kill.over();
  await publisher.publish('watched', raw('meanwhile'));
  expect(seen).toEqual(['before', 'interrupted']);
  proxy.fault = { kind: 'none' };
  // It comes back on one connection, and looks at the queue on another one: in either order.
  const back = ['before', 'interrupted', 'meanwhile', 'resumed'];
  await expect.poll(() => [...seen].sort()).toEqual(back);
  await publisher.publish('watched', raw('after'));
  await watching;
  expect(seen.slice(4)).toEqual(['after']);
}

/** A task that is cancelled while RabbitMQ is away is cancelled, with a warning, and the process lives. */
async function taskIsCancelled(kill: SharedFault): Promise<void> {
  const { warnings, onStatus } = collectWarnings();
  const queue = openQueue({
    url: broker.url,
    reconnectTimeoutMs: 500,
    onStatus,
  });
  const taskStore = new InMemoryTaskStore();
  const server = new Server(
    { name: 's', version: '1' },
    { capabilities: { logging: {}, tasks: { cancel: {} } }, taskStore, taskMessageQueue: queue },
  );
  const client = new Client({ name: 'c', version: '1' });
  onTestFinished(() => client.close());
  const [atServer, atClient] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(atServer), client.connect(atClient)]);
  const { taskId } = await taskStore.createTask({}, 1, { method: 'tools/call' });
  const params = { level: 'info', data: 'about to go' } as const;
  await server.notification({ method: 'notifications/message', params }, { relatedTask: { taskId } });
  await untilQueuesLast();
  await kill.begun();
  const { status } = await client.experimental.tasks.cancelTask(taskId);
  expect(status).toBe('cancelled');
  await until(() => warnings.some(({ code }) => code === 'CONNECTION_FAILED' || code === 'CONNECTION_LOST'));
  await kill.over();
  // The message outlived the cancellation; whoever looks finds it.
  await expect.poll(() => queue.size(taskId).catch((error) => error.message)).toBe(1);
  expect(await queue.dequeueAll(taskId)).toHaveLength(1);
}

/** While questions of many tasks are delivered, by one of two replicas, none of them is lost. */
async function questionsAreDelivered(kill: SharedFault): Promise<void> {
  const { url } = broker;
  const tasks = await temporaryFolder();
  const replica = {
    transport: 'http',
    tasks,
    replicas: 'the secret of this fleet',
    broker: url,
    patienceMs: PATIENT_MS,
  } as const;
  const [asker, deliverer] = [await startServer(replica), await startServer(replica)];
  const [starter, reader] = [await asker.connect(), await deliverer.connect()];
  const numbers = Array.from({ length: TASKS }, (_, index) => index);
  const taskIds = await Promise.all(
    numbers.map((index) => starter.startTask([{ elicit: `${index}?` }, { elicit: `${index}!` }])),
  );
  const queue = openQueue({ url, reconnectTimeoutMs: PATIENT_MS });
  for (const taskId of taskIds) await until(async () => (await queue.size(taskId)) === 1);
  await untilQueuesLast();

  // So that the kill comes amid the questions.
  await kill.othersAreReady();
  const giveUpAt = Date.now() + PATIENT_MS;
  const results = taskIds.map((taskId) => resultOf(reader, taskId, giveUpAt));
  await until(() => reader.received.length > 0);
  await kill.begun();
  await kill.over();
  expect(await Promise.all(results)).toEqual(numbers.map(answers));
  noteFigures({ tasks: TASKS, 'questions lost': 0, 'questions asked twice': expectAskedOnceOrTwice(reader) });
}

test('a broker that is killed and started again loses nothing confirmed, and everything that uses it goes on', {
  timeout: 400_000,
}, async () => {
  const witnesses = [
    load(0),
    load(PATIENT_MS),
    queueGoesOn,
    watchGoesOn,
    taskIsCancelled,
    questionsAreDelivered,
  ];
  await SharedFault.goThrough({ begin: () => broker.kill(), end: () => broker.restart() }, witnesses);
  // The node that was started again ends with the broker as the first one would have.
  const processes = childrenOf(process.pid, /epmd|beam|broker-watchdog/);
  expect(processes.length).toBeGreaterThanOrEqual(3);
  await broker.stop();
  expect(aliveAmong(processes)).toEqual([]);
});
