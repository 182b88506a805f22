import { afterEach, expect, test, vi } from 'vitest';
import { STALLED_MS, startStallNotice } from '../../src/cli/terminal/stall-notice.ts';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A notice on a terminal, and what it has said. `runLate` has its timer run this long after it was due. */
function onTerminal() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  let now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  vi.spyOn(process, 'stderr', 'get').mockReturnValue(
    Object.assign(Object.create(process.stderr), { isTTY: true }),
  );
  const said: string[] = [];
  const notice = startStallNotice({ note: (text) => void said.push(text) });
  const runLate = (ms: number) => {
    now += STALLED_MS + ms;
    vi.advanceTimersByTime(STALLED_MS);
  };
  return { notice, said, runLate };
}

test('a silence of two seconds is reported once, until the broker answers', () => {
  const { notice, said, runLate } = onTerminal();
  runLate(10);
  runLate(10);
  expect(said).toEqual(['No answer from the broker for 2s; still waiting.']);
  notice.moved();
  runLate(10);
  expect(said).toHaveLength(2);
  notice.end();
});

test('the time for which the process was suspended does not count', () => {
  const { notice, said, runLate } = onTerminal();
  runLate(60_000);
  expect(said).toEqual([]);
  runLate(10);
  expect(said).toHaveLength(1);
  notice.end();
});
