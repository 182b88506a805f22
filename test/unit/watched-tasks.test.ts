import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { WatchedTasks } from '../../src/watch/watched-tasks.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a watch of all tasks forgets those that are empty and were not heard of for a minute', () => {
  const tasks = new WatchedTasks([]);
  const [full, silent] = [tasks.get('full'), tasks.get('silent')];
  vi.advanceTimersByTime(59_000);
  const heard = tasks.get('heard');
  tasks.forgetAllBut(new Set());
  expect(tasks.get('full')).toBe(full);
  vi.advanceTimersByTime(2_000);
  tasks.forgetAllBut(new Set(['full']));
  expect(tasks.get('full')).toBe(full);
  expect(tasks.get('heard')).toBe(heard);
  expect(tasks.get('silent')).not.toBe(silent);
});

test('a watch of named tasks knows these and no others, for ever', () => {
  const tasks = new WatchedTasks(['a', 'b']);
  const known = [...tasks];
  expect([tasks.isWatched('a'), tasks.isWatched('c')]).toEqual([true, false]);
  tasks.get('a');
  vi.advanceTimersByTime(3_600_000);
  tasks.forgetAllBut(new Set());
  expect([...tasks]).toEqual(known);
});
