import type { Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { joinWrites } from '../../src/amqp/connection/joined-writes.ts';

test('what is written is sent also where a test framework has replaced process.nextTick, as Jest does', async () => {
  const calls: string[] = [];
  const stream = {
    write: (chunk: string) => calls.push(chunk),
    cork: () => calls.push('cork'),
    uncork: () => calls.push('uncork'),
  } as unknown as Writable;
  joinWrites(stream);
  const replaced = vi.spyOn(process, 'nextTick').mockImplementation(() => {});
  stream.write('a');
  stream.write('b');
  replaced.mockRestore();
  await setImmediate();
  expect(calls).toEqual(['cork', 'a', 'b', 'uncork']);
});
