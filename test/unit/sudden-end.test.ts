import { expect, onTestFinished, test } from 'vitest';
import { endSuddenly, onSuddenEnd } from '../../src/cli/terminal/sudden-end.ts';

test('what a sudden end cleans up comes before the end of the terminals, which is registered first', () => {
  const leave = () => {};
  process.once('exit', leave);
  const release = onSuddenEnd(() => {});
  onTestFinished(() => {
    release();
    process.off('exit', leave);
  });
  const listeners = process.listeners('exit');
  expect(listeners.indexOf(endSuddenly)).toBeGreaterThanOrEqual(0);
  expect(listeners.indexOf(endSuddenly)).toBeLessThan(listeners.indexOf(leave));
});
