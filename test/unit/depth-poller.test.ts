import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { DepthPoller } from '../../src/waiting/depth-poller.ts';

/** Looks that are answered at once, but for those at these tasks. */
function looksAt(unanswered: ReadonlySet<string> = new Set()) {
  const looked: string[] = [];
  const poller = new DepthPoller((task) => {
    looked.push(task);
    return unanswered.has(task) ? new Promise(() => {}) : Promise.resolve();
  });
  onTestFinished(() => poller.stopAll());
  return { poller, count: (task: string) => looked.filter((each) => each === task).length };
}

test('a task whose queue does not answer keeps none of the others from being checked', async () => {
  const { poller, count } = looksAt(new Set(['stuck']));
  for (const task of ['stuck', 'a', 'b']) poller.start(task);
  // Each wait for a message asks for it anew: more often than there may be checks at a time.
  for (let times = 0; times < 30; times++) {
    poller.start('stuck');
    await sleep(15);
  }
  const before = Math.max(count('a'), count('b'));
  await expect.poll(() => Math.min(count('a'), count('b'))).toBeGreaterThan(before);
  expect(count('stuck')).toBe(1);
});

test('all of many tasks are checked in turn', async () => {
  const { poller, count } = looksAt();
  const tasks = Array.from({ length: 50 }, (_, index) => `${index}`);
  for (const task of tasks) poller.start(task);
  await expect.poll(() => tasks.every((task) => count(task) > 1)).toBe(true);
});
