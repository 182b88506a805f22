import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decodeQueuedMessage, MAX_PEEK, MalformedMessageError, parseRecord } from '../../src/index.ts';
import { anyBodies } from '../support/any-bodies.ts';
import { runCli, temporaryFolder } from '../support/cli.ts';
import { extent, noteFigures } from '../support/figures.ts';
import { SEED } from '../support/seed.ts';
import { newTask, openClient, openQueue } from '../support/tasks.ts';

const COUNT = extent(2_000, 100_000);
const AT_ONCE = 1_000;

describe(`${COUNT} random and mutated bodies (TASKQ_TEST_SEED=${SEED})`, () => {
  test('go through peek, drain to a file, and replay byte for byte, and are decoded or refused', {
    timeout: 600_000,
  }, async () => {
    const [from, to] = [newTask('from'), newTask('to')];
    const client = openClient();
    const queue = openQueue();
    const bodies = anyBodies(COUNT, SEED);
    for (let start = 0; start < COUNT; start += AT_ONCE) {
      await Promise.all(
        bodies
          .slice(start, start + AT_ONCE)
          .map((body) => client.publish(from, { body, properties: { delivery_mode: 2 } })),
      );
    }
    expect(await client.depth(from)).toMatchObject({ messages: COUNT });

    const peeked = await client.peek(from, { limit: Math.min(MAX_PEEK, COUNT) });
    expect(
      firstDifference(
        peeked.map(({ body }) => body),
        bodies.slice(0, MAX_PEEK),
      ),
    ).toBeUndefined();
    const shown = await runCli(['peek', from, '-n', String(MAX_PEEK), '-o', 'table']);
    expect(shown).toMatchObject({ status: 0 });
    // Nothing that a terminal would obey, or that would turn the text around.
    expect(shown.stdout).not.toMatch(/[^\n\P{Cc}]|\p{Bidi_C}/u);

    let malformed = 0;
    for (const body of bodies) {
      try {
        decodeQueuedMessage(from, body);
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedMessageError);
        malformed++;
      }
    }
    // The oldest is refused and stays, or is taken; never anything else.
    const first = await queue.peek(from).catch((error) => error);
    if (first instanceof Error) expect(first).toBeInstanceOf(MalformedMessageError);

    const file = join(await temporaryFolder(), 'drained.jsonl');
    expect(await runCli(['dequeue', from, '--all', '--out', file])).toMatchObject({ status: 0 });
    expect(await client.depth(from)).toMatchObject({ messages: 0 });
    // By hand: to node:readline of Node 24 a line also ends at U+2028 and U+2029, which JSON may contain as they are.
    const lines = (await readFile(file, 'utf8')).split('\n');
    expect(lines.pop()).toBe('');
    const inFile = lines.map((line) => parseRecord(line).body);
    expect(firstDifference(inFile, bodies)).toBeUndefined();

    expect(await runCli(['enqueue', to, '--from', file])).toMatchObject({ status: 0 });
    const replayed: Buffer[] = [];
    await client.drain(to, (batch) => {
      for (const { body } of batch) replayed.push(body);
    });
    expect(firstDifference(replayed, bodies)).toBeUndefined();
    noteFigures({
      seed: SEED,
      bodies: COUNT,
      malformed,
      'lost or changed': 0,
      'bytes in the file': (await stat(file)).size,
    });
  });
});

/** Where two lists of bodies part; a comparison of the whole lists would take long to print. */
function firstDifference(actual: Buffer[], expected: Buffer[]) {
  const index = expected.findIndex((body, at) => !actual[at]?.equals(body));
  if (index >= 0) return { index, actual: actual[index], expected: expected[index] };
  return actual.length === expected.length ? undefined : { actual: actual.length, expected: expected.length };
}
