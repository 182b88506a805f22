import fc from 'fast-check';

/** Something that is done to one of two tasks. */
export interface Step {
  operation:
    | 'enqueue'
    | 'dequeue'
    | 'dequeueAll'
    | 'take'
    | 'peek'
    | 'drain'
    | 'replay'
    | 'mv'
    | 'clear'
    | 'delete';
  /** The first of the two tasks, or the second; the other one is the target of a move. */
  task: 0 | 1;
  /** How many messages, where the operation takes a number. */
  count: number;
  /** What goes wrong meanwhile, when so many bytes have passed between the client and the broker. */
  fault?: { kind: 'cut' | 'delete'; afterBytes: number } | undefined;
}

const operation = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Step['operation']>('enqueue') },
  {
    weight: 5,
    arbitrary: fc.constantFrom<Step['operation'][]>('dequeue', 'take', 'peek', 'drain', 'replay'),
  },
  { weight: 2, arbitrary: fc.constantFrom<Step['operation'][]>('dequeueAll', 'clear', 'delete') },
  { weight: 1, arbitrary: fc.constant<Step['operation']>('mv') },
);

const fault = fc.record({
  kind: fc.constantFrom<('cut' | 'delete')[]>('cut', 'delete'),
  // Some of them early, in a handshake or before a confirm, and some in the middle of much.
  afterBytes: fc.oneof(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 0, max: 30_000 })),
});

const step: fc.Arbitrary<Step> = fc.record({
  operation,
  task: fc.constantFrom<(0 | 1)[]>(0, 1),
  count: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 200 })),
  fault: fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, fault),
});

/** Rows of steps; the same ones for the same seed. */
export function anySteps(rows: number, length: number, seed: number): Step[][] {
  return fc.sample(fc.array(step, { minLength: length, maxLength: length }), { numRuns: rows, seed });
}
