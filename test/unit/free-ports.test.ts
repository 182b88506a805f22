import { expect, test } from 'vitest';
import { findFreePort } from '../../src/local-broker/free-ports.ts';

test('no port is found twice, though nobody listens on it yet', async () => {
  const ports = new Set<number>();
  // Out of 12,000: without a memory, two of them are the same in all but one of some 30,000 runs.
  for (let count = 0; count < 500; count++) ports.add(await findFreePort());
  expect(ports.size).toBe(500);
});
