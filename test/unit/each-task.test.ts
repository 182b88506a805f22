import { expect, test } from 'vitest';
import { CommandFailure } from '../../src/cli/command-failure.ts';
import { ExitCode } from '../../src/cli/exit-codes.ts';
import { forEachTask } from '../../src/cli/queues/each-task.ts';

const TASKS = [{ taskId: 'one' }, { taskId: 'other' }];

/** What is left of a loop over tasks of a pattern, each of which ends with its status. */
async function endOf(...statuses: ExitCode[]) {
  const notes: string[] = [];
  const note = (text: string) => void notes.push(text);
  const left = [...statuses];
  const failure = await forEachTask({ note }, TASKS, { isPattern: true }, async () => {
    throw new CommandFailure(left.shift() as ExitCode, 'it');
  });
  return { failure: failure as CommandFailure | undefined, notes };
}

test('a pattern does not fail for tasks that are gone by now', async () => {
  expect(await endOf(ExitCode.noSuchQueue, ExitCode.noSuchQueue)).toEqual({ failure: undefined, notes: [] });
});

test('nothing is there if no task of a pattern has anything', async () => {
  const { failure, notes } = await endOf(ExitCode.noSuchQueue, ExitCode.nothingThere);
  expect(failure?.exitCode).toBe(ExitCode.nothingThere);
  expect(notes).toEqual([]);
});
