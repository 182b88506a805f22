import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { encodeQueuedMessage } from '../../src/index.ts';
import { propertyList, uint } from '../support/amqp-bytes.ts';
import { runCli, temporaryFolder } from '../support/cli.ts';
import { duration, extent, noteFigures } from '../support/figures.ts';
import { newRawTask, openRawAmqp, queueOf } from '../support/raw-tasks.ts';
import { numbered } from '../support/tasks.ts';

const COUNT = extent(10_000, 70_000);
const EVERY = 50;
const MATCHING = COUNT / EVERY;
/** More than this may be withheld from others at a time only by a command that says before how many it will be. */
const MOST_HELD = 5_000;

test(`a filter that takes ${MATCHING} of ${COUNT} messages costs no more than half the rate, and withholds few at a time or says how many`, {
  timeout: 600_000,
}, async () => {
  const amqp = await openRawAmqp();
  const list = propertyList({ delivery_mode: uint(1, 2) });
  const fill = async (task: string) => {
    await amqp.declare(queueOf(task));
    for (let number = 0; number < COUNT; number++) {
      const message = numbered(number);
      const method = number % EVERY === 0 ? 'notifications/tasks/status' : message.message.method;
      const body = encodeQueuedMessage({ ...message, message: { ...message.message, method } });
      amqp.publish(queueOf(task), { list, body });
      if (number % 1_000 === 999) await amqp.confirmed();
    }
    await amqp.confirmed();
  };
  const [selective, plain] = ['selective', 'plain'].map(newRawTask) as [string, string];
  await fill(selective);
  await fill(plain);

  const folder = await temporaryFolder();
  const timed = async (words: string[]) => {
    const begun = performance.now();
    const { status, stderr } = await runCli(words);
    expect({ status, stderr }).toMatchObject({ status: 0 });
    return { ms: performance.now() - begun, stderr };
  };
  let leastReady = COUNT;
  let isOver = false;
  // At the same time, so that what else the machine does slows down both.
  const plainly = timed(['dequeue', plain, '--all', '--out', join(folder, 'plain.jsonl')]);
  const filtering = timed([
    ...['dequeue', selective, '--all', '--out', join(folder, 'selective.jsonl')],
    ...['--filter', 'method == "notifications/tasks/status"'],
  ]).finally(() => {
    isOver = true;
  });
  while (!isOver) {
    leastReady = Math.min(leastReady, await amqp.depth(queueOf(selective)));
    await sleep(20);
  }
  const [filtered, unfiltered] = [await filtering, await plainly];
  const left = await amqp.drain(queueOf(selective));
  noteFigures({
    messages: COUNT,
    matching: MATCHING,
    filtered: duration(filtered.ms),
    unfiltered: duration(unfiltered.ms),
    'withheld at a time': COUNT - leastReady,
  });
  // In order, as before.
  const dataOf = ({ body }: { body: Buffer }) => JSON.parse(body.toString()).message.params.data;
  expect(left.map(dataOf)).toEqual(Array.from({ length: COUNT }, (_, n) => n).filter((n) => n % EVERY !== 0));
  const withheld = COUNT - leastReady;
  if (withheld - MATCHING > MOST_HELD) {
    expect(filtered.stderr).toMatch(new RegExp(`${COUNT.toLocaleString('en-US')} messages`));
  }
  expect(filtered.ms).toBeLessThan(2 * unfiltered.ms + 1_000);
});
