import { expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/command-list.ts';
import { OTHER_NAMES, OTHER_OPTIONS } from '../../src/cli/help/other-names.ts';
import { buildProgram } from '../../src/cli/program.ts';

test.each(COMMANDS)('$name is listed as it is declared', async ({ name, declare }) => {
  expect((await declare()).name()).toBe(name);
});

test('the help is the same whether the commands are loaded or only listed', async () => {
  const [listed, loaded] = [await buildProgram([]), await buildProgram()];
  expect(listed.helpInformation()).toBe(loaded.helpInformation());
});

test("no command is called like another tool's, and what is meant by that is a command", () => {
  const names = COMMANDS.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  for (const [other, meant] of Object.entries(OTHER_NAMES)) {
    expect(names).not.toContain(other);
    expect(names).toContain(meant);
  }
});

test("what is meant by another tool's option is an option of the program or of a command", async () => {
  const program = await buildProgram();
  const names = [program, ...program.commands].flatMap(({ options }) => options.map(({ long }) => long));
  for (const meant of Object.values(OTHER_OPTIONS).flat()) expect(names).toContain(`--${meant}`);
});
