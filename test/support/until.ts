import { setTimeout as sleep } from 'node:timers/promises';

/**
 * What takes seconds is asked about less often than what takes milliseconds, and what is costly to ask less often than
 * what is cheap: asking slows the others down.
 */
const SHARE = 0.1;
const TIMES_ITS_COST = 4;
const [SHORTEST_MS, LONGEST_MS] = [10, 1_000];

/** Resolves when the condition holds; rejects when it does not within the time. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 90_000): Promise<void> {
  const begun = Date.now();
  for (;;) {
    const asked = Date.now();
    if (await condition()) return;
    const now = Date.now();
    if (now - begun > timeoutMs) throw new Error(`It did not come true within ${timeoutMs} ms: ${condition}`);
    const pauseMs = Math.max((now - begun) * SHARE, (now - asked) * TIMES_ITS_COST, SHORTEST_MS);
    await sleep(Math.min(pauseMs, LONGEST_MS));
  }
}
