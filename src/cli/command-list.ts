import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { CommandFailure } from './command-failure.ts';
import type { UsageFailure } from './usage-failure.ts';

/** What people come for, in the order of the help. */
export const COMMAND_GROUPS = ['Look', 'Move', 'Maintain'] as const;

/** A command as the program's help lists it, and the module that declares it. */
export interface CommandEntry {
  name: string;
  /** The usage line of its declaration (a test compares them), so that listing a command does not load it. */
  usage: string;
  summary: string;
  /** Where the program's help lists it; the others are not listed. */
  group?: (typeof COMMAND_GROUPS)[number];
  isHidden?: true;
  /** Alternative names of the command. */
  aliases?: readonly string[];
  /** What a usage error becomes, unless it is reported as with the others. */
  usageFailure?: (failure: UsageFailure) => Promise<CommandFailure>;
  declare: () => Promise<CommandUnknownOpts>;
}

/** In the order of the help. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'ls',
    usage: '[options] [pattern]',
    summary: 'list task queues',
    group: 'Look',
    declare: async () => (await import('./commands/ls.ts')).lsCommand(),
  },
  {
    name: 'describe',
    aliases: ['stat'],
    usage: '[options] <task_id>',
    summary: 'show one task: what waits, who reads it, what to do next',
    group: 'Look',
    declare: async () => (await import('./commands/describe.ts')).describeCommand(),
  },
  {
    name: 'peek',
    usage: '[options] <task_id...>',
    summary: 'print messages without removing them',
    group: 'Look',
    declare: async () => (await import('./commands/peek.ts')).peekCommand(),
  },
  {
    name: 'watch',
    usage: '[options] [task_id...]',
    summary: 'follow tasks live',
    group: 'Look',
    declare: async () => (await import('./commands/watch.ts')).watchCommand(),
  },
  {
    name: 'enqueue',
    usage: '[options] <task_id> [message]',
    summary: 'add a message, or many from a file (replay)',
    group: 'Move',
    declare: async () => (await import('./commands/enqueue.ts')).enqueueCommand(),
  },
  {
    name: 'dequeue',
    usage: '[options] <task_id>',
    summary: 'print messages and remove them, one or all (drain)',
    group: 'Move',
    declare: async () => (await import('./commands/dequeue.ts')).dequeueCommand(),
  },
  {
    name: 'mv',
    usage: '[options] <from> <to>',
    summary: 'move messages to another task',
    group: 'Move',
    declare: async () => (await import('./commands/mv.ts')).mvCommand(),
  },
  {
    name: 'cp',
    usage: '[options] <from> <to>',
    summary: 'copy messages to another task',
    group: 'Move',
    declare: async () => (await import('./commands/cp.ts')).cpCommand(),
  },
  {
    name: 'clear',
    usage: '[options] <task_id...>',
    summary: 'remove all messages of tasks, and their queues',
    group: 'Move',
    declare: async () => (await import('./commands/clear.ts')).clearCommand(),
  },
  {
    name: 'prune',
    usage: '[options]',
    summary: 'delete empty, unused, idle task queues',
    group: 'Maintain',
    declare: async () => (await import('./commands/prune.ts')).pruneCommand(),
  },
  {
    name: 'check',
    usage: '[options] [pattern]',
    summary: 'check depth, age and consumers, for monitoring',
    group: 'Maintain',
    usageFailure: async (failure) => (await import('./commands/check.ts')).unknownUsage(failure),
    declare: async () => (await import('./commands/check.ts')).checkCommand(),
  },
  {
    name: 'status',
    usage: '[options]',
    summary: 'show the broker, your permissions and any problems',
    group: 'Maintain',
    declare: async () => (await import('./commands/status.ts')).statusCommand(),
  },
  {
    name: 'context',
    usage: '[options] [action] [name]',
    summary: 'name brokers, and select one',
    group: 'Maintain',
    declare: async () => (await import('./commands/context.ts')).contextCommand(),
  },
  {
    name: 'broker',
    usage: '[options] [command...]',
    summary: 'run a private RabbitMQ, for one command or until Ctrl-C',
    group: 'Maintain',
    declare: async () => (await import('./commands/broker.ts')).brokerCommand(),
  },
  {
    name: 'completion',
    usage: '[options] <shell>',
    summary: 'print the completion script for a shell',
    group: 'Maintain',
    declare: async () => (await import('./commands/completion.ts')).completionCommand(),
  },
  {
    name: 'help',
    usage: '[options] [topic]',
    summary: 'explain a command or a topic',
    declare: async () => (await import('./commands/help.ts')).helpCommand(),
  },
  {
    name: '__task-ids',
    usage: '[options] [start] [words...]',
    summary: '',
    isHidden: true,
    declare: async () => (await import('./commands/task-ids.ts')).taskIdsCommand(),
  },
  {
    name: '__contexts',
    usage: '[options]',
    summary: '',
    isHidden: true,
    declare: async () => (await import('./commands/context-names.ts')).contextNamesCommand(),
  },
];
