import fc from 'fast-check';
import { encodeQueuedMessage } from '../../src/index.ts';
import { REFERENCE_MESSAGES } from './reference-messages.ts';
import { SAMPLE_MESSAGES } from './sample-messages.ts';

/** Bodies that are fine: ours and those of Python. The large one is left out, for there are many of them. */
const FINE = [
  ...Object.values(SAMPLE_MESSAGES).map((message) => encodeQueuedMessage(message)),
  ...REFERENCE_MESSAGES.map(({ body }) => body),
].filter(({ length }) => length < 10_000);

/** Bytes that mean something to somebody: JSON, lines, UTF-8, terminals, C strings. */
const TELLING = [
  0x00, 0x0a, 0x0d, 0x1b, 0x22, 0x5c, 0x2c, 0x7b, 0x7d, 0x5b, 0x5d, 0x3a, 0x7f, 0x9b, 0xc3, 0xff,
];

const byte = fc.oneof(fc.constantFrom(...TELLING), fc.integer({ min: 0, max: 255 }));

/** Something that goes wrong with a body: a place in it, as a share of its length, and what happens there. */
interface Mutation {
  at: number;
  kind: 'change' | 'insert' | 'remove' | 'cut off' | 'repeat';
  bytes: number[];
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  kind: fc.constantFrom<Mutation['kind'][]>('change', 'insert', 'remove', 'cut off', 'repeat'),
  bytes: fc.array(byte, { minLength: 1, maxLength: 4 }),
});

const mutated = fc
  .tuple(fc.constantFrom(...FINE), fc.array(mutation, { maxLength: 4 }))
  .map(([body, mutations]) => mutations.reduce(mutate, body));

function mutate(body: Buffer, { at, kind, bytes }: Mutation): Buffer {
  const index = Math.floor(at * body.length);
  const [before, after] = [body.subarray(0, index), body.subarray(index)];
  if (kind === 'cut off') return before;
  if (kind === 'repeat') return Buffer.concat([body, after]);
  const skipped = kind === 'insert' ? 0 : bytes.length;
  return Buffer.concat([
    before,
    kind === 'remove' ? Buffer.alloc(0) : Buffer.from(bytes),
    after.subarray(skipped),
  ]);
}

/** Random bytes, random JSON, and messages that something has happened to. */
const anyBody = fc.oneof(
  { weight: 6, arbitrary: mutated },
  { weight: 2, arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 2, arbitrary: fc.json().map((text) => Buffer.from(text)) },
);

/** So many bodies; the same ones for the same seed. */
export function anyBodies(count: number, seed: number): Buffer[] {
  return fc.sample(anyBody, { numRuns: count, seed });
}
