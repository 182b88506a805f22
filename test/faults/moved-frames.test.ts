import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseMessageInput } from '../../src/cli-support.ts';
import { encodeRecord, type TaskQueueClient } from '../../src/index.ts';
import { type AnyMessageOptions, anyMessages } from '../support/any-messages.ts';
import { recordsIn, runCli, temporaryFolder } from '../support/cli.ts';
import { firstDifference } from '../support/compare-frames.ts';
import { asDelivered, expectedReplay, type ReplayContext } from '../support/expected-replay.ts';
import { extent, noteFigures } from '../support/figures.ts';
import { Impersonator } from '../support/impersonator.ts';
import type { FramedMessage, RawAmqp } from '../support/raw-amqp.ts';
import { newRawTask, openRawAmqp, queueOf } from '../support/raw-tasks.ts';
import { SEED } from '../support/seed.ts';
import { observer, openClient } from '../support/tasks.ts';

const COUNT = extent(400, 10_000);
/** So many at a time, as they are in memory several times. */
const ROUND = 500;
const THROUGH_COMMANDS = extent(200, 2_000);
const WE: ReplayContext = { userId: 'guest', keepExpiration: false };

let publisher: Impersonator;

beforeAll(async () => {
  publisher = await Impersonator.create();
});

afterAll(() => publisher.remove());

/** Tasks of one test, and a queue that nothing may come to. */
interface Scene {
  source: string;
  target: string;
  /** CC and BCC name it. */
  copies: string;
  amqp: RawAmqp;
}

async function newScene(): Promise<Scene> {
  const amqp = await openRawAmqp(await publisher.url());
  const [source, target, copies] = ['source', 'target', 'copies'].map(newRawTask) as [string, string, string];
  for (const task of [source, copies]) await amqp.declare(queueOf(task));
  return { source, target, copies, amqp };
}

/** Messages that another program publishes to the source. @returns what RabbitMQ then delivers */
async function publishAll(
  { amqp, source, copies }: Scene,
  messages: FramedMessage[],
): Promise<FramedMessage[]> {
  for (const message of messages) amqp.publish(queueOf(source), message);
  await amqp.confirmed();
  const delivered = await asDelivered(amqp, messages);
  // What the broker made of CC and BCC when they were published for the first time.
  await amqp.drain(queueOf(copies));
  return delivered;
}

/** All is in the target, as it was but for what the replay policy names, and nowhere else. */
async function expectMoved(scene: Scene, published: FramedMessage[], context = WE): Promise<void> {
  const { amqp, source, target, copies } = scene;
  const sent = published.map(({ list, body }) => ({ list: expectedReplay(list, context), body }));
  const expected = await asDelivered(amqp, sent);
  const moved = await amqp.drain(queueOf(target));
  expect(firstDifference(moved, expected)).toBeUndefined();
  expect(await amqp.depth(queueOf(copies))).toBe(0);
  expect(await observer().depth(source)).not.toMatchObject({ messages: expect.toSatisfy((n) => n > 0) });
}

function optionsFor({ copies }: Scene): AnyMessageOptions {
  return { ccQueue: queueOf(copies), userIds: ['guest', publisher.colleague, 'ünïcode'] };
}

type Mover = (client: TaskQueueClient, source: string, target: string) => Promise<void>;

/** As the commands do it, without their files. */
const MOVERS: { [how: string]: Mover } = {
  async 'drained to records and replayed'(client, source, target) {
    const lines: string[] = [];
    await client.drain(source, (batch) => {
      for (const message of batch) lines.push(encodeRecord(message));
    });
    for (const line of lines) expect(line).not.toMatch(/[\n\r]/);
    const messages = lines.map((line) => parseMessageInput(Buffer.from(line)));
    await Promise.all(messages.map((message) => client.publish(target, message)));
  },
  async 'moved in memory'(client, source, target) {
    await client.drain(source, async (batch) => {
      await Promise.all(batch.map((message) => client.publish(target, message)));
    });
  },
  async 'cleared with a backup that is replayed'(client, source, target) {
    const lines: string[] = [];
    await client.clear(source, (batch) => {
      for (const message of batch) lines.push(encodeRecord(message));
    });
    for (const line of lines) await client.publish(target, parseMessageInput(line));
  },
};

describe(`${COUNT} random messages of other programs (TASKQ_TEST_SEED=${SEED}) are the same frames after they were`, () => {
  for (const [how, move] of Object.entries(MOVERS)) {
    test(how, { timeout: 600_000 }, async () => {
      const scene = await newScene();
      const messages = anyMessages(COUNT, SEED, optionsFor(scene));
      const client = openClient();
      for (let start = 0; start < COUNT; start += ROUND) {
        const published = await publishAll(scene, messages.slice(start, start + ROUND));
        await move(client, scene.source, scene.target);
        await expectMoved(scene, published);
        // It may have been cleared away.
        await scene.amqp.declare(queueOf(scene.source));
      }
      noteFigures({ seed: SEED, messages: COUNT, 'lost, changed or multiplied': 0 });
    });
  }

  test('drained and replayed by a user who may keep user_id and expiration', async () => {
    const scene = await newScene();
    const published = await publishAll(scene, anyMessages(100, SEED, optionsFor(scene)));
    const client = openClient({ url: await publisher.url(publisher.colleague) });
    await client.drain(scene.source, async (batch) => {
      const keepExpiration = { keepExpiration: true };
      await Promise.all(batch.map((message) => client.publish(scene.target, message, keepExpiration)));
    });
    await expectMoved(scene, published, { userId: publisher.colleague, keepExpiration: true });
  });
});

describe(`${THROUGH_COMMANDS} random messages of other programs (TASKQ_TEST_SEED=${SEED}) are the same frames after`, () => {
  const commands: { [how: string]: (source: string, target: string) => Promise<string[][]> } = {
    'dequeue --out and enqueue --from': async (source, target) => {
      const file = join(await temporaryFolder(), 'drained.jsonl');
      return [
        ['dequeue', source, '--all', '--out', file],
        ['enqueue', target, '--from', file],
      ];
    },
    mv: async (source, target) => [['mv', source, target, '--all']],
    'clear --backup and enqueue --from': async (source, target) => {
      const file = join(await temporaryFolder(), 'backup.jsonl');
      return [
        ['clear', source, '--yes', '--backup', file],
        ['enqueue', target, '--from', file],
      ];
    },
  };
  for (const [how, steps] of Object.entries(commands)) {
    test(how, { timeout: 120_000 }, async () => {
      const scene = await newScene();
      const messages = anyMessages(THROUGH_COMMANDS, SEED, optionsFor(scene));
      const published = await publishAll(scene, messages);
      for (const words of await steps(scene.source, scene.target)) {
        const { status, stderr } = await runCli(words);
        expect(stderr).not.toMatch(/bug|RangeError/);
        expect({ status, stderr }).toMatchObject({ status: 0 });
      }
      await expectMoved(scene, published);
    });
  }

  test('dequeue --out changes nothing: the policy acts when a message is sent', {
    timeout: 120_000,
  }, async () => {
    const scene = await newScene();
    const published = await publishAll(scene, anyMessages(100, SEED, optionsFor(scene)));
    const file = join(await temporaryFolder(), 'drained.jsonl');
    expect(await runCli(['dequeue', scene.source, '--all', '--out', file])).toMatchObject({ status: 0 });
    // A record that is drained from what a record was replayed to, without policy in between, would be the same; here the
    // properties that the policy takes away are looked for.
    const records = recordsIn(await readFile(file, 'utf8'));
    expect(records.length).toBe(published.length);
    const has = (property: string) => records.filter(({ properties }) => property in properties).length;
    expect(has('user_id')).toBeGreaterThan(0);
    expect(has('expiration')).toBeGreaterThan(0);
    expect(
      records.filter(({ properties }) => JSON.stringify(properties).includes('"CC"')).length,
    ).toBeGreaterThan(0);
  });
});
