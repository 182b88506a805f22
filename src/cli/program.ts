import { readFileSync } from 'node:fs';
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { brokerCommand } from './commands/broker.ts';
import { clearCommand } from './commands/clear.ts';
import { completionCommand } from './commands/completion.ts';
import { dequeueCommand } from './commands/dequeue.ts';
import { enqueueCommand } from './commands/enqueue.ts';
import { helpCommand, topicList } from './commands/help.ts';
import { lsCommand } from './commands/ls.ts';
import { mvCommand } from './commands/mv.ts';
import { peekCommand } from './commands/peek.ts';
import { pruneCommand } from './commands/prune.ts';
import { taskIdsCommand } from './commands/task-ids.ts';
import { watchCommand } from './commands/watch.ts';
import { addGlobalOptions } from './global-options.ts';

/** The commands in the order in which the help shows them. */
const COMMANDS: readonly (() => CommandUnknownOpts)[] = [
  enqueueCommand,
  dequeueCommand,
  peekCommand,
  clearCommand,
  mvCommand,
  watchCommand,
  lsCommand,
  pruneCommand,
  brokerCommand,
  completionCommand,
  helpCommand,
];

/**
 * The tree of commands. Declarations only: an action loads what it needs when it runs, so that `--help`
 * stays as fast as Node itself.
 */
export function buildProgram(): CommandUnknownOpts {
  const program = new Command('mcp-taskq')
    .description('Inspect, drain and replay the message queues of MCP tasks on RabbitMQ.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .usage('<command> [options]')
    // Options after a command are that command's, so that "broker -- program --url x" is left alone.
    .enablePositionalOptions()
    .configureHelp({ optionDescription: (option) => option.description })
    .exitOverride()
    .helpCommand(false)
    .addHelpText('after', topicList())
    // main() prints the error, without the passwords that a mistyped command line may hold.
    .configureOutput({ outputError: () => {} });
  addGlobalOptions(program);
  for (const declare of COMMANDS) {
    const command = declare();
    command.copyInheritedSettings(program);
    addGlobalOptions(command);
    program.addCommand(command);
  }
  const taskIds = taskIdsCommand().copyInheritedSettings(program);
  addGlobalOptions(taskIds);
  program.addCommand(taskIds, { hidden: true });
  return program;
}

function packageVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
