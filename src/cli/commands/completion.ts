import { Argument, Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { describeWithExamples } from '../help/help-text.ts';
import { HELP_TOPICS } from '../help/help-topics.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

const DESCRIPTION = describeWithExamples(
  `Print the completion script for a shell. It completes commands, options, their values and files, and task ids
  where the management API of MCP_TASKQ_URL answers at once.`,
  [
    ['source <(mcp-taskq completion bash)', 'bash, in ~/.bashrc'],
    ['mcp-taskq completion zsh > ~/.zfunc/_mcp-taskq', 'zsh, if that folder is in fpath before compinit'],
    ['mcp-taskq completion fish > ~/.config/fish/completions/mcp-taskq.fish', 'fish'],
  ],
);

export function completionCommand() {
  return new Command('completion')
    .description(DESCRIPTION)
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action(async (shell, _options, self) => {
      process.stdout.write(await completionScript(shell, self.parent as CommandUnknownOpts));
    });
}

/** The script for the commands that the program declares. */
export async function completionScript(
  shell: (typeof SHELLS)[number],
  program: CommandUnknownOpts,
): Promise<string> {
  const { commandWords, optionWords } = await import('../completions/command-words.ts');
  const words = [commandWords(program), optionWords(program), Object.keys(HELP_TOPICS).join(' ')] as const;
  switch (shell) {
    case 'bash':
      return (await import('../completions/bash.ts')).bashCompletion(...words);
    case 'zsh':
      return (await import('../completions/zsh.ts')).zshCompletion(...words);
    case 'fish':
      return (await import('../completions/fish.ts')).fishCompletion(...words);
  }
}
