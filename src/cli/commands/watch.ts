import { Command } from '@commander-js/extra-typings';
import type { TaskEvent } from '../../index.ts';
import { CommandFailure } from '../command-failure.ts';
import { type ClientContext, withClient } from '../context.ts';
import { durationOption } from '../durations.ts';
import { ExitCode } from '../exit-codes.ts';
import { describeWithExamples } from '../help-text.ts';
import { createMessageWriter } from '../message-writer.ts';
import { wholeNumber } from '../numbers.ts';

const DESCRIPTION = describeWithExamples(
  `Print the messages of tasks as they come. Takes nothing from anybody; ends with Ctrl-C.`,
  [
    ['mcp-taskq watch 786512e2', 'follow a task'],
    ['mcp-taskq watch 786512e2 --tail 0 -n 1 -o raw', 'wait for the next message'],
  ],
);

interface WatchOptions {
  limit?: number;
  tail: number;
  for?: number;
  idle?: number;
}

export function watchCommand() {
  return new Command('watch')
    .summary('follow tasks live')
    .description(DESCRIPTION)
    .argument('<task_id...>')
    .option('-n, --limit <n>', 'end after so many messages', wholeNumber(1))
    .option('--tail <n>', 'begin with so many that are there already (default: 10)', wholeNumber(0), 10)
    .option('--for <dur>', 'end after this time', durationOption)
    .option('--idle <dur>', 'end when nothing has come for this time', durationOption)
    .action((taskIds, options, self) =>
      withClient(self, (context) => watch(context, taskIds, options), { stopsByItself: true }),
    );
}

async function watch(context: ClientContext, taskIds: string[], options: WatchOptions): Promise<void> {
  const { client, stop } = context;
  const { watchTasks, encodeRecord } = await import('../../index.ts');
  const ending = endings(options, stop.signal);
  const isTerminal = process.stdout.isTTY === true;
  const writer = createMessageWriter({
    ...context,
    sink: context.stdout,
    inFull: false,
    isTerminal,
    encodeRecord,
    showTask: taskIds.length > 1,
  });
  const { limit = Number.POSITIVE_INFINITY } = options;
  try {
    await stop.race(client.connect());
    for await (const event of watchTasks(client, taskIds, { signal: ending.signal, tail: options.tail })) {
      ending.restartIdle();
      await show(event, writer);
      if (writer.count >= limit) break;
    }
    await writer.end();
  } finally {
    ending.release();
  }
  const { reason } = stop.signal;
  // Ctrl-C is how a watch ends.
  if (
    stop.signal.aborted &&
    !(reason instanceof CommandFailure && reason.exitCode === ExitCode.interrupted)
  ) {
    throw reason;
  }
}

async function show(event: TaskEvent, writer: ReturnType<typeof createMessageWriter>): Promise<void> {
  await writer.write([event.message]);
}

/** Aborts when the command is stopped, `--for` is over, or nothing came for `--idle`. */
function endings({ for: forMs, idle: idleMs }: WatchOptions, stopped: AbortSignal) {
  const controller = new AbortController();
  const end = () => controller.abort();
  if (stopped.aborted) end();
  stopped.addEventListener('abort', end, { once: true });
  const total = forMs === undefined ? undefined : setTimeout(end, forMs);
  const idle = idleMs === undefined ? undefined : setTimeout(end, idleMs);
  return {
    signal: controller.signal,
    restartIdle: () => void idle?.refresh(),
    release: () => {
      clearTimeout(total);
      clearTimeout(idle);
      stopped.removeEventListener('abort', end);
    },
  };
}
