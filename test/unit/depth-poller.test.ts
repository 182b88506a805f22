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
  await expect.poll(() => Math.min(count('a'), count('b'))).toBeGreaterThan(2);
  expect(count('stuck')).toBe(1);
});

test('all of many tasks are checked in turn', async () => {
  const { poller, count } = looksAt();
  const tasks = Array.from({ length: 50 }, (_, index) => `${index}`);
  for (const task of tasks) poller.start(task);
  await expect.poll(() => tasks.every((task) => count(task) > 1)).toBe(true);
});
