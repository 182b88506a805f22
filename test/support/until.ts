import { setTimeout as sleep } from 'node:timers/promises';

/** What takes seconds is asked about less often than what takes milliseconds: asking slows the others down. */
const SHARE = 0.1;
const [SHORTEST_MS, LONGEST_MS] = [10, 500];

/** Resolves when the condition holds; rejects when it does not within the time. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const begun = Date.now();
  while (!(await condition())) {
    const waitedMs = Date.now() - begun;
    if (waitedMs > timeoutMs) throw new Error(`It did not come true within ${timeoutMs} ms: ${condition}`);
    await sleep(Math.min(Math.max(waitedMs * SHARE, SHORTEST_MS), LONGEST_MS));
  }
}
