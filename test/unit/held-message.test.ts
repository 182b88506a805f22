import { expect, test, vi } from 'vitest';
import { HeldMessage } from '../../src/replicas/held-message.ts';
import type { RequestContext } from '../../src/replicas/request-context.ts';

test('a message is not refused when the process stalls before the transport begins its response', async () => {
  let looks = 0;
  const exchange = {
    gone: new AbortController().signal,
    areHeadersSent: () => ++looks > 3,
    isResumption: false,
  };
  const context = { abort: new AbortController(), exchanges: [exchange], isResumable: false };
  const held = new HeldMessage('task', context as unknown as RequestContext);
  const start = performance.now();
  // Each look is a minute after the one before.
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => start + looks * 60_000);
  await held.send(async () => {}).finally(() => clock.mockRestore());
  await expect(held.sent).resolves.toBeUndefined();
});
