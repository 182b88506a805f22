import { expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/command-list.ts';
import { buildProgram } from '../../src/cli/program.ts';

test.each(COMMANDS)('$name is listed as it is declared', async ({ name, usage, declare }) => {
  const command = await declare();
  expect([command.name(), command.usage()]).toEqual([name, usage]);
});

test('the help is the same whether the commands are loaded or only listed', async () => {
  const [listed, loaded] = [await buildProgram([]), await buildProgram()];
  expect(listed.helpInformation()).toBe(loaded.helpInformation());
});
