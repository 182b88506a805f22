import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { encodeQueuedMessage } from '../../src/index.ts';
import { runCli } from '../support/cli.ts';
import { duration, extent, noteFigures } from '../support/figures.ts';
import { propertyList } from '../support/property-lists.ts';
import { uint } from '../support/raw-amqp.ts';
import { newRawTask, openRawAmqp, queueOf } from '../support/raw-tasks.ts';
import { numbered } from '../support/tasks.ts';

const COUNT = extent(10_000, 70_000);
const EVERY = 50;
const MATCHING = COUNT / EVERY;
/** Of all that is in the queue, at most so many may be withheld from others at a time. */
const MOST_HELD = 10_000;

test(`a filter that takes ${MATCHING} of ${COUNT} messages costs no more than half the rate, and withholds few at a time`, {
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

  const timed = async (words: string[]) => {
    const begun = performance.now();
    const { status, stderr } = await runCli(words);
    expect({ status, stderr }).toMatchObject({ status: 0 });
    return performance.now() - begun;
  };
  const unfiltered = await timed(['dequeue', plain, '--all', '--out', '/dev/null', '--overwrite']);
  let leastReady = COUNT;
  let isOver = false;
  const filtering = timed([
    ...['dequeue', selective, '--all', '--out', '/dev/null', '--overwrite'],
    ...['--filter', 'method == "notifications/tasks/status"'],
  ]).finally(() => {
    isOver = true;
  });
  while (!isOver) {
    leastReady = Math.min(leastReady, await amqp.depth(queueOf(selective)));
    await sleep(5);
  }
  const filtered = await filtering;
  const left = await amqp.drain(queueOf(selective));
  noteFigures({
    messages: COUNT,
    matching: MATCHING,
    filtered: duration(filtered),
    unfiltered: duration(unfiltered),
    'withheld at a time': COUNT - leastReady,
  });
  // In order, as before.
  const dataOf = ({ body }: { body: Buffer }) => JSON.parse(body.toString()).message.params.data;
  expect(left.map(dataOf)).toEqual(Array.from({ length: COUNT }, (_, n) => n).filter((n) => n % EVERY !== 0));
  expect(COUNT - leastReady - MATCHING).toBeLessThan(MOST_HELD);
  expect(filtered).toBeLessThan(2 * unfiltered + 1_000);
});
