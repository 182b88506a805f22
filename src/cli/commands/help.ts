import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import type { CommandFailure } from '../command-failure.ts';
import { explain } from '../help/command-help.ts';
import { OTHER_NAMES } from '../help/other-names.ts';
import { HELP_TOPICS } from '../help/topic-list.ts';
import { givenSettings } from '../settings/settings.ts';
import { UsageFailure } from '../usage-failure.ts';

export function helpCommand() {
  const command = explain(new Command('help'), {
    description: 'Explain a command or a topic.',
    examples: [
      ['mcp-taskq help peek', 'a command'],
      ['mcp-taskq help filters', 'a topic'],
    ],
    list: {
      heading: 'Topics:',
      items: Object.entries(HELP_TOPICS),
    },
    instead: '',
  });
  return command.argument('[topic]').action(async (topic, _options, self) => {
    const program = self.parent as CommandUnknownOpts;
    if (topic === undefined) return program.outputHelp();
    if (Object.hasOwn(HELP_TOPICS, topic)) {
      const { showTopic } = await import('../help/show-topic.ts');
      return showTopic(topic, givenSettings(self));
    }
    const found = program.commands.find(
      (candidate) => candidate.name() === topic || candidate.aliases().includes(topic),
    );
    const meant = Object.hasOwn(OTHER_NAMES, topic) ? OTHER_NAMES[topic] : undefined;
    // The name comes from another tool and only points to the command meant here.
    if (meant !== undefined && (found === undefined || found.name() === topic))
      throw new UsageFailure(
        `Unknown command ${JSON.stringify(topic)}; mcp-taskq calls it ${meant}: mcp-taskq help ${meant}`,
      );
    if (found === undefined) throw unknownTopic(topic);
    found.outputHelp();
  });
}

function unknownTopic(topic: string): CommandFailure {
  return new UsageFailure(
    `Unknown command or topic ${JSON.stringify(topic)}`,
    `Topics are ${Object.keys(HELP_TOPICS).join(', ')}; "mcp-taskq help" lists the commands.`,
  );
}
