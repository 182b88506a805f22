import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeQueuedMessage, encodeRecord, isTaskQueueError, type StoredMessage } from '../../src/index.ts';
import { parseMessageInput } from '../../src/message-input.ts';
import { extent, noteFigures } from '../support/figures.ts';
import { REFERENCE_MESSAGES } from '../support/reference-messages.ts';
import { newTask, openClient } from '../support/tasks.ts';

const COUNT = extent(3_000, 100_000);
const BATCH = 1_000;

/** What the Python package wrote, with bytes changed, left out, put in and cut off. */
const mutated = fc
  .tuple(
    fc.constantFrom(...REFERENCE_MESSAGES.map(({ body }) => body)),
    fc.array(fc.tuple(fc.nat(), fc.nat(2), fc.nat(255)), { maxLength: 5 }),
    fc.option(fc.nat(), { freq: 4 }),
  )
  .map(([body, changes, end]) => {
    const bytes = [...body];
    for (const [where, kind, byte] of changes) {
      const removed = kind === 2 ? 0 : 1;
      bytes.splice(where % (bytes.length + 1), removed, ...(kind === 1 ? [] : [byte]));
    }
    return Buffer.from(end === null ? bytes : bytes.slice(0, end % (bytes.length + 1)));
  });
const random = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const json = fc.json().map((text) => Buffer.from(text));
const body = fc.oneof({ weight: 4, arbitrary: mutated }, random, json);

test(`${COUNT} random and mutated bodies are decoded or refused, peeked at, drained and replayed: nothing is lost, no byte is changed`, async () => {
  const seed = Date.now() % 2 ** 31;
  process.stdout.write(`fast-check seed ${seed}\n`);
  const client = openClient();
  const task = newTask();
  let decoded = 0;
  for (let done = 0; done < COUNT; done += BATCH) {
    const bodies = fc.sample(body, { seed: seed + done, numRuns: BATCH });
    for (const each of bodies) if (isDecoded(each)) decoded++;
    await publishAll(bodies.map((each) => ({ body: each, properties: { delivery_mode: 2 } })));
    expectSame(await client.peek(task, { limit: BATCH }), bodies);
    const records: string[] = [];
    await client.drain(task, (batch) => void records.push(...batch.map(encodeRecord)));
    await publishAll(records.map(parseMessageInput));
    const again: StoredMessage[] = [];
    await client.drain(task, (batch) => void again.push(...batch));
    expectSame(again, bodies);
  }
  noteFigures({ 'random and mutated bodies: decoded / refused': `${decoded} / ${COUNT - decoded}` });
  expect(decoded).toBeGreaterThan(0);

  async function publishAll(messages: Parameters<typeof client.publish>[1][]): Promise<void> {
    await Promise.all(messages.map((message) => client.publish(task, message)));
  }
}, 600_000);

/** A body is a message, or is refused as malformed; anything else fails the test. */
function isDecoded(bytes: Buffer): boolean {
  try {
    decodeQueuedMessage('t', bytes);
    return true;
  } catch (error) {
    if (isTaskQueueError(error) && error.code === 'MALFORMED_MESSAGE') return false;
    throw error;
  }
}

function expectSame(messages: readonly StoredMessage[], bodies: readonly Buffer[]): void {
  expect(messages).toHaveLength(bodies.length);
  const changed = messages.filter((message, index) => !message.body.equals(bodies[index] as Buffer));
  expect(changed).toEqual([]);
}
