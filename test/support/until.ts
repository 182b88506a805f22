import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves when the condition holds; rejects when it does not within the time. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const giveUpAt = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > giveUpAt) throw new Error(`It did not come true within ${timeoutMs} ms: ${condition}`);
    await sleep(10);
  }
}
