import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { extent } from './figures.ts';
import type { TestClient } from './mcp-server.ts';

/** Of so many tasks, each of which asks two questions. */
export const TASKS = extent(10, 100);

const textOf = (result: { content?: unknown }) => (result.content as { text: string }[])[0]?.text;

/** As a client does that wants the result: it asks again when the server says that something is wrong. */
export async function resultOf(
  client: TestClient,
  taskId: string,
  giveUpAt: number,
): Promise<string | undefined> {
  for (;;) {
    try {
      return textOf(await client.taskResult(taskId));
    } catch (error) {
      if (Date.now() > giveUpAt) throw error;
      await sleep(100);
    }
  }
}

/** The result of a task whose questions were both answered with yes. */
export const answers = (index: number) => `accept: yes to ${index}?\naccept: yes to ${index}!`;

/** @returns how many of the questions were asked twice */
export function expectAskedOnceOrTwice({ received }: TestClient): number {
  const times = new Map<string, number>();
  for (const step of received) {
    const asked = JSON.stringify(step);
    times.set(asked, (times.get(asked) ?? 0) + 1);
  }
  expect(times.size).toBe(2 * TASKS);
  expect(Math.max(...times.values())).toBeLessThanOrEqual(2);
  return [...times.values()].filter((count) => count === 2).length;
}
