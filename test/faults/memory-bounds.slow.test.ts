import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import type { QueueableMessage } from '../../src/messages/queued-message.ts';
import { propertyList, short, uint } from '../support/amqp-bytes.ts';
import { temporaryFolder } from '../support/cli.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { duration, extent, noteFigures } from '../support/figures.ts';
import { measureCli, measureScript } from '../support/peak-memory.ts';
import { RawAmqp } from '../support/raw-amqp.ts';
import { newRawTask, openRawAmqp, queueOf } from '../support/raw-tasks.ts';
import { openReplicas } from '../support/replicas.ts';
import { newTask, numbered, openQueue } from '../support/tasks.ts';
import { until } from '../support/until.ts';

const LARGE = 14 * 1024 * 1024;
const LARGE_COUNT = extent(10, 40);
const MOST_FOR_LARGE_MB = 250;
const FLOOD_COUNT = extent(30_000, 200_000);
const MOST_FOR_FLOOD_MB = 400;

/** Log messages, as servers send them; each says which one it is. */
const START =
  '{"type":"notification","message":{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"';
const END = '"}},"timestamp":"2026-01-10T00:46:05.000Z","original_request_id":null}';

async function fillLarge(task: string, filler: number): Promise<void> {
  const amqp = await openRawAmqp();
  await amqp.declare(queueOf(task));
  for (let number = 0; number < LARGE_COUNT; number++) {
    const list = propertyList({ delivery_mode: uint(1, 2), message_id: short(String(number)) });
    const body = Buffer.alloc(LARGE, filler);
    body.write(`${START}${number} `);
    body.write(END, LARGE - END.length);
    amqp.publish(queueOf(task), { list, body });
    // As many at a time would be in the memory of this process.
    await amqp.confirmed();
  }
  await amqp.close();
}

/** How many messages of the right size there are, each number once and in order. */
async function countLarge(task: string): Promise<number> {
  const amqp = await RawAmqp.connect(inject('url'));
  for (let number = 0; ; number++) {
    const message = await amqp.get(queueOf(task));
    if (message === undefined) {
      await amqp.close();
      return number;
    }
    expect(message.body.length).toBe(LARGE);
    const start = `${START}${number} `;
    expect(message.body.subarray(0, start.length).toString('latin1')).toBe(start);
  }
}

/** `npm test` takes the first. */
const KINDS = {
  'text, which a record holds as it is': 'a'.codePointAt(0) as number,
  'not UTF-8, which a record holds in base64': 0xff,
};

describe(`${LARGE_COUNT} messages of 14 MB take less than ${MOST_FOR_LARGE_MB} MB of memory`, () => {
  for (const [kind, filler] of Object.entries(KINDS).slice(0, extent(1, 2))) {
    test(`through peek, mv, drain and replay: ${kind}`, { timeout: 600_000 }, async () => {
      const [from, parked, replayed] = ['from', 'parked', 'replayed'].map(newRawTask) as [
        string,
        string,
        string,
      ];
      await fillLarge(from, filler);
      const file = join(await temporaryFolder(), 'drained.jsonl');
      // As records they are drained too.
      const looks = ['table', 'jsonl'].slice(0, extent(1, 2));
      const commands: [command: string, words: string[]][] = [
        ...looks.map((form): [string, string[]] => [
          `peek -o ${form}`,
          ['peek', from, '-n', String(LARGE_COUNT), '-o', form],
        ]),
        ['mv', ['mv', from, parked, '--all']],
        ['drain', ['dequeue', parked, '--all', '--out', file]],
        ['replay', ['enqueue', replayed, '--from', file]],
      ];
      const peaks: { [command: string]: number } = {};
      for (const [command, words] of commands) {
        const { status, stderr, peakMegabytes, stdoutBytes } = await measureCli(words);
        expect({ command, status, stderr }).toMatchObject({ status: 0 });
        if (command === 'peek -o jsonl') expect(stdoutBytes).toBeGreaterThan(LARGE_COUNT * LARGE);
        peaks[`${command} (MB at most)`] = Math.round(peakMegabytes);
      }
      expect((await stat(file)).size).toBeGreaterThan(LARGE_COUNT * LARGE);
      expect(await countLarge(replayed)).toBe(LARGE_COUNT);
      noteFigures(peaks);
      const tooMuch = Object.entries(peaks).filter(([, peak]) => peak > MOST_FOR_LARGE_MB);
      expect(tooMuch).toEqual([]);
    });
  }
});

test(`${FLOOD_COUNT} publishes of 10 KB to a broker that never confirms take less than ${MOST_FOR_FLOOD_MB} MB`, {
  timeout: 300_000,
}, async () => {
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  // The broker hears the first of them, and the client hears nothing further.
  proxy.fault = { kind: 'deaf', after: 'x'.repeat(1_000) };
  const task = newRawTask('flood');
  const begun = performance.now();
  const { status, stderr, peakMegabytes } = await measureScript('flood.js', {
    MCP_TASKQ_URL: proxy.url,
    FLOOD_TASK: task,
    FLOOD_COUNT: String(FLOOD_COUNT),
    FLOOD_BYTES: '10240',
  });
  expect({ status, stderr }).toMatchObject({ status: 0 });
  const { most, ...outcomes } = JSON.parse(/^outcomes (.*)$/m.exec(stderr)?.[1] ?? '{}');
  noteFigures({
    publishes: FLOOD_COUNT,
    'memory at most (MB)': Math.round(peakMegabytes),
    'waiting at a time': most,
    outcomes: JSON.stringify(outcomes),
    took: duration(performance.now() - begun),
  });
  expect(peakMegabytes).toBeLessThan(MOST_FOR_FLOOD_MB);
  // One is confirmed before, and some of the first may be, which went to the broker together.
  expect(most).toBeLessThanOrEqual(20_000 + 1_000);
  const codes = Object.keys(outcomes).sort();
  for (const code of codes) expect(code).toMatch(/^(confirmed|PUBLISH_UNCONFIRMED|TOO_MANY_WAITING|CLOSED)$/);
  expect(outcomes.TOO_MANY_WAITING).toBeGreaterThan(0);
});

const MIB = 1024 * 1024;

const openPlain = (url: string) => {
  const queue = openQueue({ url, closeTimeoutMs: 500 });
  return { queue, stats: () => queue.stats(), close: () => queue.close() };
};
const openReplica = (url: string) => {
  const replicas = openReplicas([], { url, closeTimeoutMs: 500 });
  const queue = replicas.link().taskMessageQueue;
  return { queue, stats: () => replicas.stats(), close: () => replicas.close() };
};

const BEHIND = 'notifications wait for an earlier call on their task';
const WITHOUT_ANSWERS = 'questions wait until answers can be received';
const NOTIFICATION = { type: 'notification', id: {}, isBehind: true };
const QUESTION = { type: 'request', id: { id: 1 }, isBehind: false };

for (const [server, open, what, { type, id, isBehind }] of [
  ['RabbitMQTaskMessageQueue', openPlain, BEHIND, NOTIFICATION],
  ['Replicas', openReplica, BEHIND, NOTIFICATION],
  ['Replicas', openReplica, WITHOUT_ANSWERS, QUESTION],
] as const) {
  test(`${server} lets at most 128 MiB of ${what}`, { timeout: 300_000 }, async () => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const { queue, stats, close } = open(proxy.url);
    const task = newTask();
    await queue.enqueue(task, numbered(0));
    await queue.dequeueAll(task);
    proxy.fault = { kind: 'mute' };
    const calls: Promise<unknown>[] = isBehind ? [queue.dequeueAll(task)] : [];
    const refused: string[] = [];
    const params = { data: 'x'.repeat(8 * MIB) };
    const message = { jsonrpc: '2.0', ...id, method: 'notifications/message', params };
    for (let timestamp = 0; timestamp < 18; timestamp++) {
      const enqueued = queue.enqueue(task, { type, timestamp, message } as QueueableMessage);
      calls.push(enqueued.catch(({ code }) => refused.push(code)));
    }
    await until(() => refused.length === 3);
    expect(refused).toEqual(Array(3).fill('TOO_MANY_WAITING'));
    // Not 16, as each is a little larger than its text.
    expect(stats().waiting.messages).toBe(15);
    expect(stats().waiting.bytes).toBeGreaterThan(15 * 8 * MIB);
    expect(stats().waiting.bytes).toBeLessThan(128 * MIB);
    proxy.fault = { kind: 'gone' };
    proxy.reset();
    // Where it went on instead, 120 MB would go to the broker.
    await close();
    await Promise.allSettled(calls);
    expect(stats().waiting).toEqual({ messages: 0, bytes: 0 });
  });
}
