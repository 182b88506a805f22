import { expect, test } from 'vitest';
import { watchTasks } from '../../src/index.ts';
import { newTask, openClient, raw } from '../support/tasks.ts';
import { newVhost } from '../support/vhost.ts';

const COUNT = 14_000;

test('a burst is shown in order, and what is not shown is counted at its place', async () => {
  // In a vhost of its own, as no task is named: of a named one, the messages are also counted whose events are two seconds
  // late, as they may be in a burst.
  const { url } = await newVhost();
  const [publisher, watcher] = [openClient({ url }), openClient({ url })];
  const task = newTask();
  const seen: (number | { missed: number })[] = [];
  const accounted = () =>
    seen.reduce<number>((sum, each) => sum + (typeof each === 'number' ? 1 : each.missed), 0);
  const stopping = new AbortController();
  let hasBegun = () => {};
  const begun = new Promise<void>((resolve) => {
    hasBegun = resolve;
  });
  const watching = (async () => {
    for await (const item of watchTasks(watcher, [], { signal: stopping.signal })) {
      if (item.kind === 'message') {
        const text = item.message.body.toString();
        if (text === 'begin') hasBegun();
        else if (text !== 'end') seen.push(Number(text));
      } else if (item.kind === 'gap') {
        expect(item.missed, item.reason).toBeGreaterThan(0);
        seen.push({ missed: item.missed as number });
      }
    }
  })();
  // Events are seen once the watch has begun, and the first message tells that.
  const ticker = setInterval(() => void publisher.publish(task, raw('begin')), 100);
  await begun;
  clearInterval(ticker);

  const sent = Array.from({ length: COUNT }, (_, index) => publisher.publish(task, raw(String(index))));
  await Promise.all(sent);
  // What is missed at the end, another message shows.
  const account = async () => {
    await publisher.publish(task, raw('end'));
    return accounted();
  };
  await expect.poll(account).toBe(COUNT);
  stopping.abort();
  await watching;

  let next = 0;
  for (const each of seen) {
    if (typeof each === 'number') expect(each).toBe(next);
    next += typeof each === 'number' ? 1 : each.missed;
  }
  expect(next).toBe(COUNT);
});
