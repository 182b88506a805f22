import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { CommandFailure } from './command-failure.ts';
import type { UsageFailure } from './usage-failure.ts';

/** What people come for, in the order of the help. */
export const COMMAND_GROUPS = ['Look', 'Move', 'Maintain'] as const;

/** A command as the program's help lists it, and the module that declares it. */
export interface CommandEntry {
  name: string;
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
    summary: 'list task queues',
    group: 'Look',
    declare: async () => (await import('./commands/ls.ts')).lsCommand(),
  },
  {
    name: 'describe',
    aliases: ['stat'],
    summary: 'show one task: what waits, who reads it, what to do next',
    group: 'Look',
    declare: async () => (await import('./commands/describe.ts')).describeCommand(),
  },
  {
    name: 'peek',
    summary: 'print messages without removing them',
    group: 'Look',
    declare: async () => (await import('./commands/peek.ts')).peekCommand(),
  },
  {
    name: 'watch',
    summary: 'follow tasks live',
    group: 'Look',
    declare: async () => (await import('./commands/watch.ts')).watchCommand(),
  },
  {
    name: 'enqueue',
    summary: 'add a message, or many from a file (replay)',
    group: 'Move',
    declare: async () => (await import('./commands/enqueue.ts')).enqueueCommand(),
  },
  {
    name: 'dequeue',
    summary: 'print messages and remove them, one or all (drain)',
    group: 'Move',
    declare: async () => (await import('./commands/dequeue.ts')).dequeueCommand(),
  },
  {
    name: 'mv',
    summary: 'move messages to another task',
    group: 'Move',
    declare: async () => (await import('./commands/mv.ts')).mvCommand(),
  },
  {
    name: 'cp',
    summary: 'copy messages to another task',
    group: 'Move',
    declare: async () => (await import('./commands/cp.ts')).cpCommand(),
  },
  {
    name: 'clear',
    summary: 'remove all messages of tasks, and their queues',
    group: 'Move',
    declare: async () => (await import('./commands/clear.ts')).clearCommand(),
  },
  {
    name: 'prune',
    summary: 'delete empty, unused, idle task queues',
    group: 'Maintain',
    declare: async () => (await import('./commands/prune.ts')).pruneCommand(),
  },
  {
    name: 'check',
    summary: 'check depth, age and consumers, for monitoring',
    group: 'Maintain',
    usageFailure: async (failure) => (await import('./commands/check.ts')).unknownUsage(failure),
    declare: async () => (await import('./commands/check.ts')).checkCommand(),
  },
  {
    name: 'status',
    summary: 'show the broker, your permissions and any problems',
    group: 'Maintain',
    declare: async () => (await import('./commands/status.ts')).statusCommand(),
  },
  {
    name: 'context',
    summary: 'name brokers, and select one',
    group: 'Maintain',
    declare: async () => (await import('./commands/context.ts')).contextCommand(),
  },
  {
    name: 'broker',
    summary: 'run a private RabbitMQ, for one command or until Ctrl-C',
    group: 'Maintain',
    declare: async () => (await import('./commands/broker.ts')).brokerCommand(),
  },
  {
    name: 'completion',
    summary: 'print the completion script for a shell',
    group: 'Maintain',
    declare: async () => (await import('./commands/completion.ts')).completionCommand(),
  },
  {
    name: 'help',
    summary: 'explain a command or a topic',
    declare: async () => (await import('./commands/help.ts')).helpCommand(),
  },
  {
    name: '__task-ids',
    summary: '',
    isHidden: true,
    declare: async () => (await import('./commands/task-ids.ts')).taskIdsCommand(),
  },
  {
    name: '__contexts',
    summary: '',
    isHidden: true,
    declare: async () => (await import('./commands/context-names.ts')).contextNamesCommand(),
  },
];
