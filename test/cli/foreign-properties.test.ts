import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import {
  arrayField,
  type Entry,
  field,
  long,
  propertyList,
  short,
  table,
  textField,
  uint,
} from '../support/amqp-bytes.ts';
import { MOST_PROPERTY_BYTES } from '../support/any-messages.ts';
import { recordsIn, runCli, temporaryFolder } from '../support/cli.ts';
import { partsOf } from '../support/expected-replay.ts';
import { type FramedMessage, RawAmqp } from '../support/raw-amqp.ts';
import { newRawTask, openRawAmqp, queueOf } from '../support/raw-tasks.ts';

const look = (task: string) => RawAmqp.look(inject('url'), queueOf(task));

/** A task with these messages of another program. */
async function filledTask(...messages: FramedMessage[]): Promise<string> {
  const amqp = await openRawAmqp();
  const task = newRawTask('from');
  await amqp.declare(queueOf(task));
  for (const message of messages) amqp.publish(queueOf(task), message);
  await amqp.confirmed();
  return task;
}

async function fileWith(...lines: string[]): Promise<string> {
  const file = join(await temporaryFolder(), 'messages.jsonl');
  await writeFile(file, lines.map((line) => `${line}\n`).join(''));
  return file;
}

/** Both ways from one task to another: through a file, and directly. */
const WAYS: { [way: string]: (from: string, to: string, ...words: string[]) => Promise<string> } = {
  async 'dequeue --out and enqueue --from'(from, to, ...words) {
    const file = join(await temporaryFolder(), 'drained.jsonl');
    expect(await runCli(['dequeue', from, '--all', '--out', file])).toMatchObject({ status: 0 });
    const { status, stderr } = await runCli(['enqueue', to, '--from', file, ...words]);
    expect({ status, stderr }).toMatchObject({ status: 0 });
    return stderr;
  },
  async mv(from, to, ...words) {
    const { status, stderr } = await runCli(['mv', from, to, '--all', ...words]);
    expect({ status, stderr }).toMatchObject({ status: 0 });
    return stderr;
  },
};

const body = Buffer.from('{}');

/** A property list of so many bytes. */
function listOf(size: number): Buffer {
  const list = propertyList({ headers: table(['h', field('x', long(Buffer.alloc(size - 13, 7)))]) });
  expect(list.length).toBe(size);
  return list;
}

for (const [way, move] of Object.entries(WAYS)) {
  describe(`${way}:`, () => {
    test('an expiration is left out, which is said with a count, and kept with --keep-expiration', async () => {
      const list = propertyList({ expiration: short('600000'), message_id: short('a') });
      const plain = propertyList({ message_id: short('b') });
      const to = newRawTask('to');
      const stderr = await move(await filledTask({ list, body }, { list: plain, body }, { list, body }), to);
      expect(stderr).toMatch(/\b2\b[^\n]*expiration|expiration[^\n]*\b2\b/);
      // In the words of the command line, not of the library's options.
      expect(stderr).toContain('--keep-expiration keeps it');
      const found = await look(to);
      expect(found.map((message) => partsOf(message.list).expiration)).toEqual([
        undefined,
        undefined,
        undefined,
      ]);

      const kept = newRawTask('kept');
      expect(await move(await filledTask({ list, body }), kept, '--keep-expiration')).not.toContain(
        'expiration',
      );
      expect((await look(kept))[0]?.list).toEqual(list);
    });

    test('CC is not routed again and stays in the table, which is said with a count', async () => {
      const [to, copies] = [newRawTask('to'), newRawTask('copies')];
      const list = propertyList({
        headers: table(['CC', arrayField(textField(queueOf(copies)))], ['a', textField('b')]),
      });
      const from = await filledTask({ list, body }, { list, body });
      const amqp = await openRawAmqp();
      await amqp.declare(queueOf(copies));
      const stderr = await move(from, to);
      expect(stderr).toMatch(/\b2\b[^\n]*CC|CC[^\n]*\b2\b/);
      expect(await amqp.depth(queueOf(copies))).toBe(0);
      const found = await look(to);
      expect(found).toHaveLength(2);
      for (const message of found) {
        expect(message.list.includes(arrayField(textField(queueOf(copies))))).toBe(true);
        expect(message.list.includes(Buffer.from('\x02CCA', 'latin1'))).toBe(false);
      }
    });

    test('headers of 120 KB arrive as they were', async () => {
      // In the order of their names, in which RabbitMQ 4.0 puts them.
      const large = field('x', long(Buffer.alloc(120_000, 0xfe)));
      const list = propertyList({ headers: table(['', field('V')], ['large', large]) });
      const to = newRawTask('to');
      await move(await filledTask({ list, body }), to);
      expect((await look(to)).map((message) => message.list)).toEqual([list]);
    });

    test('a property list that fills a frame arrives as it was', async () => {
      const list = listOf(MOST_PROPERTY_BYTES);
      const to = newRawTask('to');
      await move(await filledTask({ list, body }), to);
      expect((await look(to)).map((message) => message.list)).toEqual([list]);
    });

    test('what this user is not is left out of user_id', async () => {
      const to = newRawTask('to');
      const own = propertyList({ user_id: short('guest'), app_id: short('x') });
      await move(await filledTask({ list: own, body }), to);
      expect((await look(to)).map((message) => message.list)).toEqual([own]);
    });
  });
}

// RabbitMQ takes and delivers eight bytes more than fit into a frame of the size that it has agreed to.
test('mv moves a property list that is larger than a frame, as some clients send it, or leaves it and moves the others', async () => {
  const small = propertyList({ message_id: short('small') });
  for (const size of [MOST_PROPERTY_BYTES + 1, MOST_PROPERTY_BYTES + 8]) {
    const list = listOf(size);
    const [from, to] = [
      await filledTask({ list: small, body }, { list, body }, { list: small, body }),
      newRawTask('to'),
    ];
    const { status, stderr } = await runCli(['mv', from, to, '--all']);
    const [stayed, moved] = [await look(from), await look(to)].map((found) =>
      found.map((message) => message.list),
    );
    if (status === 0) {
      expect({ stayed, moved }).toEqual({ stayed: [], moved: [small, list, small] });
    } else {
      expect({ status, stderr }).toMatchObject({ status: 3, stderr: expect.stringMatching(/propert/) });
      expect({ stayed, moved }).toEqual({ stayed: [list], moved: [small, small] });
    }
  }
});

test('a counter of the broker is not sent', async () => {
  const counter: Entry = ['x-delivery-count', field('l', uint(8, 3))];
  const list = propertyList({ headers: table(counter, ['a', textField('b')]) });
  const to = newRawTask('to');
  await WAYS.mv?.(await filledTask({ list, body }), to);
  expect((await look(to)).map((message) => message.list)).toEqual([
    propertyList({ headers: table(['a', textField('b')]) }),
  ]);
});

describe('enqueue --from', () => {
  const good = JSON.stringify({ properties: { message_id: 'good' }, body: {} });
  const bad: { [what: string]: unknown } = {
    'a header of an unknown type': { headers: { odd: { '!': 'nope' } } },
    'an unknown type in a nested table': { headers: { outer: [{ odd: { '!': 'nope', value: 1 } }] } },
    'an int32 with a fraction': { headers: { odd: { '!': 'int32', value: 1.5 } } },
    'an empty uint32': { headers: { odd: { '!': 'uint32', value: '' } } },
    'an int64 out of range': { headers: { odd: { '!': 'int64', value: '9223372036854775808' } } },
    'a lone surrogate': { headers: { odd: '\ud800' } },
    'a lone surrogate in a name': { headers: { 'odd\ud800': 1 } },
    'a message_id with a lone surrogate': { message_id: 'odd\udc00' },
    'a property that there is not': { odd: 1 },
    'a user_id that is no text': { user_id: { odd: 1 } },
  };
  for (const [what, properties] of Object.entries(bad)) {
    test(`sends nothing of a file with ${what} on line 2, and names the line`, async () => {
      const file = await fileWith(good, JSON.stringify({ properties, body: {} }), good);
      const to = newRawTask('to');
      const { status, stderr } = await runCli(['enqueue', to, '--from', file]);
      expect({ status, stderr }).toMatchObject({
        status: expect.toSatisfy((code) => code === 1 || code === 2),
      });
      expect(stderr).toMatch(/line 2\b/);
      expect(await look(to)).toEqual([]);
    });
  }

  test('makes what jq leaves of a record with {body} persistent, with a message_id', async () => {
    const file = await fileWith('{"body":{"a":1}}', '{"properties":{},"body":{"a":2}}');
    const to = newRawTask('to');
    expect(await runCli(['enqueue', to, '--from', file])).toMatchObject({ status: 0 });
    const found = await look(to);
    expect(found.map((message) => message.body.toString())).toEqual(['{"a":1}', '{"a":2}']);
    const [first, second] = found.map((message) => partsOf(message.list));
    expect(first).toMatchObject({ delivery_mode: uint(1, 2), message_id: expect.any(Buffer) });
    // Here somebody says that there are none.
    expect(second).toEqual({});
  });

  test('takes an envelope or a JSON-RPC message with a field "body" of its own for what it is', async () => {
    const rpc = '{"jsonrpc":"2.0","method":"x","params":{},"body":{"mine":1}}';
    const envelope = `{"type":"notification","message":{"jsonrpc":"2.0","method":"x"},"timestamp":"2026-01-01T00:00:00Z","original_request_id":null,"body":"mine"}`;
    const to = newRawTask('to');
    const file = await fileWith(rpc, envelope, envelope.replace('"body"', '"body_base64"'));
    expect(await runCli(['enqueue', to, '--from', file])).toMatchObject({ status: 0 });
    const [first, second, third] = (await look(to)).map((message) => JSON.parse(message.body.toString()));
    expect(first).toMatchObject({ type: 'notification', message: { method: 'x', body: { mine: 1 } } });
    expect(second).toMatchObject({ type: 'notification', message: { method: 'x' }, body: 'mine' });
    expect(third).toMatchObject({ type: 'notification', message: { method: 'x' }, body_base64: 'mine' });
  });
});

describe('a message whose AMQP timestamp is not in seconds', () => {
  const timestamps = {
    milliseconds: 1_767_225_600_000n,
    microseconds: 1_767_225_600_000_000n,
    nanoseconds: 1_767_225_600_000_000_000n,
    'minus one': 2n ** 64n - 1n,
  };
  for (const [what, timestamp] of Object.entries(timestamps)) {
    test(`but ${what} is shown by every command, drained and replayed as it was`, async () => {
      const list = propertyList({ timestamp: uint(8, timestamp), content_type: short('text/plain') });
      const from = await filledTask({ list, body });
      for (const words of [
        ['peek', from, '-o', 'table'],
        ['peek', from, '-o', 'jsonl'],
        ['ls', from, '-o', 'jsonl'],
        ['ls', from, '-o', 'table'],
      ]) {
        const { status, stderr } = await runCli(words);
        expect({ words, status, stderr }).toMatchObject({
          status: 0,
          stderr: expect.not.stringContaining('bug'),
        });
      }
      const peeked = recordsIn((await runCli(['peek', from, '-o', 'jsonl'])).stdout);
      expect(JSON.stringify(peeked[0].properties.timestamp)).toContain(String(timestamp));
      const to = newRawTask('to');
      await WAYS['dequeue --out and enqueue --from']?.(from, to);
      expect((await look(to)).map((message) => message.list)).toEqual([list]);
    });
  }
});
