import type { FramedMessage } from './raw-amqp.ts';

/** Where two rows of messages part, in words that fit on a screen; undefined where they are equal, byte for byte. */
export function firstDifference(
  actual: readonly FramedMessage[],
  expected: readonly FramedMessage[],
): object | undefined {
  for (const [index, { list, body }] of expected.entries()) {
    const other = actual[index];
    if (other === undefined) return { index, missing: expected.length - actual.length };
    if (!other.list.equals(list)) return { index, list: around(other.list, list) };
    if (!other.body.equals(body)) return { index, body: around(other.body, body) };
  }
  return actual.length > expected.length ? { tooMany: actual.length - expected.length } : undefined;
}

/** What stands where two rows of bytes part. */
function around(actual: Buffer, expected: Buffer) {
  let at = 0;
  while (at < expected.length && actual[at] === expected[at]) at++;
  const excerpt = (bytes: Buffer) => bytes.subarray(Math.max(0, at - 40), at + 20).toString('latin1');
  return {
    at,
    lengths: [actual.length, expected.length],
    actual: excerpt(actual),
    expected: excerpt(expected),
  };
}
