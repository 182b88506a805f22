import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseRecord } from '../../src/index.ts';
import { findFreePort } from '../../src/local-broker/free-ports.ts';
import type { RunningBroker } from '../../src/local-broker/index.ts';
import { propertyListOf } from '../../src/properties/property-list.ts';
import * as amqp10 from '../support/amqp-1.0.ts';
import {
  arrayField,
  type Entry,
  field,
  propertyList,
  short,
  table,
  textField,
  uint,
} from '../support/amqp-bytes.ts';
import { startPrivateBroker } from '../support/broker.ts';
import { runCli, temporaryFolder } from '../support/cli.ts';
import { firstDifference } from '../support/compare-frames.ts';
import { provide, run } from '../support/debian-packages.ts';
import { asDelivered, expectedReplay } from '../support/expected-replay.ts';
import { deadLetterArguments, publishByMqtt, publishByStomp } from '../support/foreign-protocols.ts';
import { findPython, providePika } from '../support/python.ts';
import { type FramedMessage, RawAmqp } from '../support/raw-amqp.ts';
import { queueOf } from '../support/raw-tasks.ts';
import { until } from '../support/until.ts';
import { callApi } from '../support/vhost.ts';

const SCRIPT = fileURLToPath(new URL('../support/foreign_publisher.py', import.meta.url));
const pika = providePika();
const hasProton = provide('python3-qpid-proton', () => findPython('proton') !== undefined);
const hasAmqpTools = provide('amqp-tools', () => spawnSync('amqp-publish', ['--help']).status === 0);

let broker: RunningBroker;
let amqp: RawAmqp;
let stompPort: number;
let mqttPort: number;

beforeAll(async () => {
  [stompPort, mqttPort] = [await findFreePort(), await findFreePort()];
  broker = await startPrivateBroker({
    management: true,
    plugins: ['rabbitmq_stomp', 'rabbitmq_mqtt', 'rabbitmq_amqp1_0', 'rabbitmq_shovel'],
    config: [
      `stomp.listeners.tcp.1 = 127.0.0.1:${stompPort}`,
      `mqtt.listeners.tcp.1 = 127.0.0.1:${mqttPort}`,
    ],
  });
  amqp = await RawAmqp.connect(broker.url);
});

afterAll(() => amqp?.close());

const UUID = '12345678-1234-5678-1234-567812345678';
const symbols = (...names: string[]) => names.map((name) => amqp10.symbol(name));

/** What all supported versions can deliver over AMQP 0-9-1. */
const AMQP10_MESSAGES: Buffer[][] = [
  [amqp10.data('{"a":1}')],
  [amqp10.data('{"a":'), amqp10.data('1}')],
  [amqp10.data('')],
  [amqp10.value(amqp10.text('{"a":1}'))],
  [amqp10.value(amqp10.map([amqp10.text('a'), amqp10.ulong(2n ** 64n - 1n)]))],
  [amqp10.sequence(amqp10.text('one'), amqp10.NULL), amqp10.sequence(amqp10.uuid(UUID))],
  [
    // Durable, priority, ttl, first acquirer, delivery count.
    amqp10.header(amqp10.TRUE, amqp10.ubyte(255), amqp10.uint32(600_000), amqp10.TRUE, amqp10.uint32(7)),
    amqp10.messageAnnotations(
      [amqp10.symbol('x-opt-own'), amqp10.uint32(3)],
      [amqp10.symbol('x-routing-key'), amqp10.text('elsewhere')],
    ),
    // Ids, user, to, subject, reply-to, correlation, types, expiry, creation, group.
    amqp10.properties(
      amqp10.uuid(UUID),
      amqp10.binary(Buffer.from('guest')),
      amqp10.text('/queues/other'),
      amqp10.text('subject'),
      amqp10.text('/queues/answers'),
      amqp10.binary(Buffer.from([0, 255])),
      ...symbols('application/json', 'utf-8'),
      amqp10.timestamp(9_999_999_999_999n),
      amqp10.timestamp(1_767_225_600_123n),
      amqp10.text('group'),
    ),
    amqp10.applicationProperties(
      [amqp10.text('CC'), amqp10.text('nobody')],
      [amqp10.text('x-delivery-count'), amqp10.ulong(5n)],
      [amqp10.text('big'), amqp10.ulong(2n ** 64n - 1n)],
      [amqp10.text('fraction'), amqp10.double(1.5)],
      [amqp10.text('when'), amqp10.timestamp(1_767_225_600_123n)],
      [amqp10.text('bytes'), amqp10.binary(Buffer.from([0, 255]))],
      [amqp10.text('ünïcode'), amqp10.text('\u{1f5d1}')],
      [amqp10.text(''), amqp10.NULL],
    ),
    amqp10.data('{"from":"AMQP 1.0"}'),
  ],
];

function publishByAmqp10(queue: string, sections: Buffer[]): Promise<void> {
  const target = isRabbitMQ4() ? `/queues/${encodeURIComponent(queue)}` : `/amq/queue/${queue}`;
  return amqp10.publishByAmqp10(broker.port, target, sections);
}

/** Publishes so many messages to the queue, which is there. They may come some time later. */
const PUBLISHERS: {
  [who: string]: {
    isHere?: boolean;
    /** Why not with RabbitMQ 4. */
    notWith4?: string;
    count: number;
    publish(queue: string): Promise<void>;
  };
} = {
  'python3-pika': {
    count: 12,
    isHere: pika !== undefined,
    async publish(queue) {
      run(pika as string, SCRIPT, 'pika', broker.url, queue);
    },
  },
  'amqp-tools': {
    count: 2,
    isHere: hasAmqpTools,
    async publish(queue) {
      const words = ['-u', broker.url, '-r', queue];
      run('amqp-publish', ...words, '-b', '{"from": "amqp-tools"}');
      const properties = ['-p', '-C', 'text/plain', '-E', 'utf-8', '-t', 'reply', '-H', 'a: b', '-H', 'a: c'];
      run('amqp-publish', ...words, ...properties, '-b', 'line\r\n');
    },
  },
  'AMQP 1.0, by hand': {
    count: AMQP10_MESSAGES.length,
    async publish(queue) {
      for (const sections of AMQP10_MESSAGES) await publishByAmqp10(queue, sections);
    },
  },
  'AMQP 1.0, by proton': {
    count: 4,
    isHere: hasProton,
    notWith4: 'RabbitMQ 4.0 does not answer what proton 0.37 sends',
    async publish(queue) {
      run(findPython('proton') as string, SCRIPT, 'proton', `127.0.0.1:${broker.port}`, queue);
    },
  },
  STOMP: {
    count: 2,
    async publish(queue) {
      await publishByStomp(stompPort, queue, {}, Buffer.from('by STOMP'));
      const headers = {
        'content-type': 'application/json',
        persistent: 'true',
        priority: '4',
        expiration: '600000',
        'reply-to': '/queue/answers',
        'correlation-id': 'c-1',
        'x-own': 'ünïcode',
        empty: '',
      };
      await publishByStomp(stompPort, queue, headers, Buffer.from('{"by":"STOMP"}\0\xff', 'latin1'));
    },
  },
  MQTT: {
    count: 2,
    async publish(queue) {
      const topic = `tasks/${randomUUID()}`;
      await amqp.bind(queue, 'amq.topic', topic.replace('/', '.'));
      await publishByMqtt(mqttPort, topic, Buffer.from('{"by":"MQTT"}'));
      await publishByMqtt(mqttPort, topic, Buffer.alloc(0));
    },
  },
  'a shovel': {
    count: 2,
    async publish(queue) {
      const source = `shovelled-${randomUUID()}`;
      await amqp.declare(source);
      const headers = table(['count', field('l', uint(8, 2n ** 62n))]);
      for (const parts of [{}, { headers, message_id: short('through a shovel') }]) {
        amqp.publish(source, { list: propertyList(parts), body: Buffer.from('shovelled') });
      }
      await amqp.confirmed();
      const definition = {
        'src-protocol': 'amqp091',
        'src-uri': broker.url,
        'src-queue': source,
        'dest-protocol': 'amqp091',
        'dest-uri': broker.url,
        'dest-queue': queue,
        'dest-add-forward-headers': true,
        'dest-add-timestamp-header': true,
      };
      const shovel = `parameters/shovel/%2F/${source}`;
      await callApi('PUT', shovel, { value: definition }, broker.apiUrl);
      await until(async () => (await amqp.depth(queue)) === 2);
      await callApi('DELETE', shovel, undefined, broker.apiUrl);
    },
  },
  'a dead-letter cycle': {
    count: 3,
    async publish(queue) {
      const names = Array.from({ length: 3 }, () => `dead-letters-${randomUUID()}`) as [
        string,
        string,
        string,
      ];
      for (const [index, name] of names.entries()) {
        await amqp.declare(name, deadLetterArguments(names[index + 1] ?? queue, 50 + index));
      }
      const cc: Entry = ['CC', arrayField(textField('nobody'))];
      for (const list of [
        propertyList({}),
        propertyList({ expiration: short('20'), headers: table(['a', field('d', Buffer.alloc(8))]) }),
        propertyList({ headers: table(cc), message_id: short('with CC') }),
      ]) {
        amqp.publish(names[0], { list, body: Buffer.from('{"dead":true}') });
      }
      await amqp.confirmed();
    },
  },
};

const isRabbitMQ4 = () => Number.parseInt(broker.version, 10) >= 4;

const environment = () => ({ MCP_TASKQ_URL: broker.url, MCP_TASKQ_API_URL: broker.apiUrl });

async function succeed(...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await runCli(words, { env: environment() });
  expect({ words, status, stderr }).toMatchObject({
    status: 0,
    stderr: expect.not.stringMatching(/\bbug\b/),
  });
  return stdout;
}

const look = (task: string) => RawAmqp.look(broker.url, queueOf(task));

/** The frames that the records in some output stand for. */
function framesIn(output: string): FramedMessage[] {
  const lines = output.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const record = parseRecord(line);
    return { list: propertyListOf({ ...record, properties: record.properties ?? {} }), body: record.body };
  });
}

/** What the messages have to be when they are sent again. */
function onReplay(messages: FramedMessage[]): Promise<FramedMessage[]> {
  const policy = { userId: 'guest', keepExpiration: false };
  return asDelivered(
    amqp,
    messages.map(({ list, body }) => ({ list: expectedReplay(list, policy), body })),
  );
}

for (const [who, { isHere = true, notWith4, count, publish }] of Object.entries(PUBLISHERS)) {
  describe.runIf(isHere)(`what comes from ${who}`, () => {
    test('is the same after it was looked at, watched, moved, drained and replayed', {
      timeout: 300_000,
    }, async ({ skip }) => {
      skip(notWith4 !== undefined && isRabbitMQ4(), notWith4);
      const [from, parked, replayed] = Array.from({ length: 3 }, () => randomUUID()) as [
        string,
        string,
        string,
      ];
      await amqp.declare(queueOf(from));
      await publish(queueOf(from));
      await until(async () => (await amqp.depth(queueOf(from))) === count);
      const published = await look(from);
      const sentAgain = await onReplay(published);

      const peeked = await succeed('peek', from, '-n', '100', '-o', 'jsonl');
      expect(firstDifference(framesIn(peeked), published)).toBeUndefined();
      const watched = await succeed(
        'watch',
        from,
        '--tail',
        '100',
        '-n',
        String(count),
        '--for',
        '100s',
        '-o',
        'jsonl',
      );
      expect(firstDifference(framesIn(watched), published)).toBeUndefined();
      // What people read must not fail of anything in it.
      await succeed('peek', from, '-n', '100', '-o', 'table');
      await succeed('ls', from, '-o', 'table');

      await succeed('mv', from, parked, '--all');
      expect(firstDifference(await look(parked), sentAgain)).toBeUndefined();
      const file = join(await temporaryFolder(), 'drained.jsonl');
      await succeed('dequeue', parked, '--all', '--out', file);
      await succeed('enqueue', replayed, '--from', file);
      expect(firstDifference(await look(replayed), sentAgain)).toBeUndefined();
      expect(await look(from)).toEqual([]);
    });

    test('is the same after it was cleared with a backup that is replayed', { timeout: 300_000 }, async ({
      skip,
    }) => {
      skip(notWith4 !== undefined && isRabbitMQ4(), notWith4);
      const [from, replayed] = [randomUUID(), randomUUID()];
      await amqp.declare(queueOf(from));
      await publish(queueOf(from));
      await until(async () => (await amqp.depth(queueOf(from))) === count);
      const published = await look(from);
      const file = join(await temporaryFolder(), 'backup.jsonl');
      await succeed('clear', from, '--yes', '--backup', file);
      await succeed('enqueue', replayed, '--from', file);
      const sentAgain = await onReplay(published);
      expect(firstDifference(await look(replayed), sentAgain)).toBeUndefined();
    });
  });
}

/** A message that RabbitMQ takes from its client, and cannot deliver over AMQP 0-9-1. */
async function publishUndeliverable(queue: string): Promise<void> {
  const id: [Buffer, Buffer] = [amqp10.text('id'), amqp10.uuid(UUID)];
  if (isRabbitMQ4()) await publishByAmqp10(queue, [amqp10.applicationProperties(id), amqp10.data('')]);
  else await publishByStomp(stompPort, queue, { 'correlation-id': 'c'.repeat(256) }, Buffer.from(''));
}

const runHere = (...words: string[]) => runCli(words, { env: environment() });
const bodiesOf = (output: string) => framesIn(output).map(({ body }) => body.toString());

test('a message that RabbitMQ cannot deliver fails its task alone, with the reason', {
  timeout: 300_000,
}, async () => {
  const prefix = randomUUID();
  const odd = `${prefix}-2`;
  const others = [1, 3, 4, 5, 6].map((number) => `${prefix}-${number}`);
  for (const task of [odd, ...others]) await amqp.declare(queueOf(task));
  for (const task of others) amqp.publish(queueOf(task), { list: propertyList({}), body: Buffer.from(task) });
  await amqp.confirmed();
  await publishUndeliverable(queueOf(odd));
  const failure = {
    status: 1,
    stdout: '',
    stderr: expect.stringMatching(/the broker had an internal error, twice, .*\nhint: .*log.*AMQP 1\.0/s),
  };

  expect(await runHere('peek', odd)).toMatchObject(failure);
  expect(await runHere('mv', odd, 'parked', '--all')).toMatchObject(failure);
  expect(await runHere('dequeue', odd, '--all')).toMatchObject(failure);
  expect(JSON.parse((await runHere('describe', odd, '-o', 'json')).stdout)).toMatchObject({
    ready: 1,
    missing: expect.arrayContaining([expect.stringContaining('internal error')]),
  });
  const looked = await runHere('peek', `${prefix}-*`, '-n', '2', '-o', 'jsonl');
  expect(looked).toMatchObject({ status: 3, stderr: expect.stringContaining('1 task skipped') });
  expect(bodiesOf(looked.stdout)).toEqual(others);
  const watching = ['--tail', '10', '-n', '5', '--for', '100s', '-o', 'jsonl'];
  const watched = await runHere('watch', `${prefix}-*`, ...watching);
  expect(watched.stderr).toContain(`gap in ${odd}: 1 message already queued, not shown: the broker had`);
  expect(bodiesOf(watched.stdout).sort()).toEqual(others);
});

test('the messages before one that RabbitMQ cannot deliver can be taken by their number', {
  timeout: 300_000,
}, async () => {
  const task = randomUUID();
  await amqp.declare(queueOf(task));
  for (const body of ['1', '2'])
    amqp.publish(queueOf(task), { list: propertyList({}), body: Buffer.from(body) });
  await amqp.confirmed();
  await publishUndeliverable(queueOf(task));
  // RabbitMQ 4 delivers what is before it, so that this cannot be repeated.
  expect(await runHere('mv', task, 'parked', '--all')).toMatchObject({
    status: expect.toBeOneOf([1, 3]),
    stderr: expect.stringContaining('the broker had an internal error'),
  });
  expect(bodiesOf(await succeed('dequeue', task, '-n', '2', '-o', 'jsonl'))).toEqual(['1', '2']);
});
