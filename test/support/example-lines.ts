import { buildProgram } from '../../src/cli/program.ts';

/**
 * The command lines of this program in a line of shell, as words: pipes, redirections and comments end one. Enough of a
 * shell's rules for what help and README show.
 */
export function commandLinesIn(line: string): string[][] {
  return [...line.matchAll(/(?:npx )?\bmcp-taskq((?: (?:'[^']*'|"[^"]*"|[^'"\s|<>&#();]+))+)/g)].map(
    ([, rest = '']) =>
      [...rest.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
        ([, single, double, bare]) => single ?? double ?? bare ?? '',
      ),
  );
}

/** Parses a command line without running it. @returns the command that would run. @throws commander's error */
export async function parseOnly(words: readonly string[]): Promise<string | undefined> {
  const program = await buildProgram();
  let name: string | undefined;
  for (const command of program.commands) {
    command.action(() => {
      name = command.name();
    });
  }
  await program.parseAsync(['node', 'mcp-taskq', ...words]);
  return name;
}
