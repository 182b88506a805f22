import { beforeAll, describe, expect, test } from 'vitest';
import type { RunningBroker } from '../../src/local-broker/index.ts';
import { startPrivateBroker, untilQueuesLast } from '../support/broker.ts';
import { duration, extent, noteFigures } from '../support/figures.ts';
import { NumberedLoad } from '../support/numbered-load.ts';
import { openClient, openQueue } from '../support/tasks.ts';
import { until } from '../support/until.ts';

const KILLS = extent(1, 5);
const ENQUEUERS = 16;
const DEQUEUERS = 4;

let broker: RunningBroker;

beforeAll(async () => {
  broker = await startPrivateBroker();
}, 120_000);

interface Kill {
  /** How long after the broker was up the first confirm came, in milliseconds. */
  recoveredAfter: number;
  /** How many messages were waiting to be read, and were so again right after the start, with readers at work. */
  waiting: { before: number; after: number };
}

/** Kills the broker under a load and starts it again. */
async function killUnder(load: NumberedLoad, task: string): Promise<Kill> {
  const before = load.confirmed.size;
  await until(() => load.confirmed.size > before + 200, 60_000);
  await broker.kill();
  const confirmed = load.confirmed.size;
  const unread = load.missing.length;
  await broker.restart();
  const upAt = performance.now();
  const depth = await openClient({ url: broker.url }).depth(task);
  await until(() => load.confirmed.size > confirmed, 60_000);
  // In the order of the confirms.
  const firstAt = [...load.confirmed.values()][confirmed] as number;
  return {
    recoveredAfter: Math.max(0, firstAt - upAt),
    waiting: { before: unread, after: depth?.messages ?? 0 },
  };
}

describe(`a broker killed ${KILLS} times under ${ENQUEUERS} enqueuers and ${DEQUEUERS} dequeuers`, () => {
  test.each([
    ['loses nothing that was confirmed', 0],
    ['confirms everything where unconfirmed messages are sent again', 120_000],
  ])('%s', { timeout: 400_000 }, async (_, retryUnconfirmedMs) => {
    const task = `kills-${retryUnconfirmedMs}`;
    // Longer than a start takes on a machine that has other things to do.
    const options = { url: broker.url, retryUnconfirmedMs, reconnectTimeoutMs: 120_000 };
    const load = new NumberedLoad(task);
    const [enqueueing, dequeueing] = [openQueue(options), openQueue(options)];
    for (let index = 0; index < ENQUEUERS; index++) load.enqueue(enqueueing);
    for (let index = 0; index < DEQUEUERS; index++) load.dequeue(dequeueing);
    await until(() => load.confirmed.size > 0);
    await untilQueuesLast();
    const kills: Kill[] = [];
    for (let kill = 0; kill < KILLS; kill++) kills.push(await killUnder(load, task));
    await load.stop();
    for (const message of await openQueue(options).dequeueAll(task)) load.note(message);

    noteFigures({
      confirmed: load.confirmed.size,
      'confirmed and lost': load.missing.length,
      'read twice': load.duplicates,
      'failed calls': load.failuresAsText,
      'waiting before the kill and after the start': kills
        .map(({ waiting }) => `${waiting.before} and ${waiting.after}`)
        .join(', '),
      'first confirm after the start': kills.map((kill) => duration(kill.recoveredAfter)).join(', '),
    });
    expect(load.missing, JSON.stringify(kills)).toEqual([]);
    // Without it the caller is told, and nothing else fails: all wait for the broker to come back.
    const codes = retryUnconfirmedMs > 0 ? [] : ['PUBLISH_UNCONFIRMED'];
    expect([...load.failures.keys()].filter((code) => !codes.includes(code))).toEqual([]);
  });
});
