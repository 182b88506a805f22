import { Argument, Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { type CommandHelp, explain } from '../help/command-help.ts';
import { HELP_TOPICS } from '../help/topic-list.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

const HELP: CommandHelp = {
  description: `Print the completion script for bash, zsh or fish. It completes commands, options, values and files, and task
    ids if the management API answers within 300 ms.`,
  examples: [
    ['source <(mcp-taskq completion bash)', 'for ~/.bashrc'],
    ['mcp-taskq completion zsh > ~/.zfunc/_mcp-taskq', 'for a folder in fpath'],
    ['mcp-taskq completion fish > mcp-taskq.fish', 'for ~/.config/fish/completions'],
  ],
  instead: '',
};

export function completionCommand() {
  return explain(new Command('completion'), HELP)
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action(async (shell, _options, self) => {
      process.stdout.write(await completionScript(shell, self.parent as CommandUnknownOpts));
    });
}

async function completionScript(
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
