import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { CommandFailure } from '../command-failure.ts';
import { ExitCode } from '../exit-codes.ts';
import { HELP_TOPICS } from '../help/help-topics.ts';
import { OTHER_NAMES } from '../help/other-names.ts';

export function helpCommand() {
  return new Command('help')
    .description(`Explain a command or one of the topics ${Object.keys(HELP_TOPICS).join(', ')}.`)
    .argument('[topic]')
    .action(async (topic, _options, self) => {
      const program = self.parent as CommandUnknownOpts;
      if (topic === undefined) return program.outputHelp();
      const command = program.commands.find(
        (candidate) => candidate.name() === topic || candidate.aliases().includes(topic),
      );
      const meant = Object.hasOwn(OTHER_NAMES, topic) ? OTHER_NAMES[topic] : undefined;
      // Of another tool: here it only stands in for the command that is meant.
      if (meant !== undefined && (command === undefined || command.name() === topic))
        throw new CommandFailure(ExitCode.usage, `The command is ${meant}: mcp-taskq help ${meant}`);
      if (command) return command.outputHelp();
      if (!Object.hasOwn(HELP_TOPICS, topic)) throw unknownTopic(topic);
      const { text } = HELP_TOPICS[topic] as (typeof HELP_TOPICS)[string];
      process.stdout.write(typeof text === 'string' ? text : await text());
    });
}

function unknownTopic(topic: string): CommandFailure {
  return new CommandFailure(ExitCode.usage, `There is no command and no topic ${JSON.stringify(topic)}`, {
    hint: `Topics are ${Object.keys(HELP_TOPICS).join(', ')}; "mcp-taskq help" lists the commands.`,
  });
}
