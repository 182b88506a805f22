import type { CommandUnknownOpts } from '@commander-js/extra-typings';

/** A command as the program's help shows it, and where its declaration is. */
export interface CommandEntry {
  name: string;
  /** What its declaration amounts to (a test compares them), so that it need not be loaded to be listed. */
  usage: string;
  summary: string;
  isHidden?: true;
  /** Other names that it answers to. */
  aliases?: readonly string[];
  declare: () => Promise<CommandUnknownOpts>;
}

/** In the order in which the help shows them. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'enqueue',
    usage: '[options] <task_id> [message]',
    summary: 'add a message, or many from a file (replay)',
    declare: async () => (await import('./commands/enqueue.ts')).enqueueCommand(),
  },
  {
    name: 'dequeue',
    usage: '[options] <task_id>',
    summary: 'print messages and remove them, also all of them (drain)',
    declare: async () => (await import('./commands/dequeue.ts')).dequeueCommand(),
  },
  {
    name: 'peek',
    usage: '[options] <task_id...>',
    summary: 'print messages without removing them',
    declare: async () => (await import('./commands/peek.ts')).peekCommand(),
  },
  {
    name: 'clear',
    usage: '[options] <task_id...>',
    summary: 'remove all messages of tasks, and their queues',
    declare: async () => (await import('./commands/clear.ts')).clearCommand(),
  },
  {
    name: 'mv',
    usage: '[options] <from> <to>',
    summary: 'move messages to another task',
    declare: async () => (await import('./commands/mv.ts')).mvCommand(),
  },
  {
    name: 'cp',
    usage: '[options] <from> <to>',
    summary: 'copy messages to another task',
    declare: async () => (await import('./commands/cp.ts')).cpCommand(),
  },
  {
    name: 'watch',
    usage: '[options] [task_id...]',
    summary: 'follow tasks live',
    declare: async () => (await import('./commands/watch.ts')).watchCommand(),
  },
  {
    name: 'ls',
    usage: '[options] [pattern]',
    summary: 'list task queues',
    declare: async () => (await import('./commands/ls.ts')).lsCommand(),
  },
  {
    name: 'describe',
    aliases: ['stat'],
    usage: '[options] <task_id>',
    summary: 'say what is in a task, who reads it, and what to do next',
    declare: async () => (await import('./commands/describe.ts')).describeCommand(),
  },
  {
    name: 'status',
    usage: '[options]',
    summary: 'say which broker this is, what you may do there, and whether all is well',
    declare: async () => (await import('./commands/status.ts')).statusCommand(),
  },
  {
    name: 'check',
    usage: '[options] [pattern]',
    summary: 'check depth, age and consumers, for monitoring',
    declare: async () => (await import('./commands/check.ts')).checkCommand(),
  },
  {
    name: 'prune',
    usage: '[options]',
    summary: 'delete empty, unused, idle task queues',
    declare: async () => (await import('./commands/prune.ts')).pruneCommand(),
  },
  {
    name: 'context',
    usage: '[options] [action] [name]',
    summary: 'name brokers, and select one: ls, show, use, set, rm',
    declare: async () => (await import('./commands/context.ts')).contextCommand(),
  },
  {
    name: 'broker',
    usage: '[options] [command...]',
    summary: 'run a private RabbitMQ, for one command or until Ctrl-C',
    declare: async () => (await import('./commands/broker.ts')).brokerCommand(),
  },
  {
    name: 'completion',
    usage: '[options] <shell>',
    summary: 'print the completion script for a shell',
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
