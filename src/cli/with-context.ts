import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { TaskQueueClient } from '../index.ts';
import type { ClientContext, Context } from './context.ts';
import { standardOutput } from './output/standard-output.ts';
import { withSuggestions } from './queues/missing-queue.ts';
import { confirmProtected } from './settings/protection.ts';
import { formatFor, resolveSettings, type SettingsPurpose } from './settings/settings.ts';
import { closeOptions, untilReported, withGrace } from './terminal/grace.ts';
import type { PagedOutput } from './terminal/pager.ts';
import { note } from './terminal/standard-error.ts';
import { listenForStop, type Stop } from './terminal/stop.ts';

export interface RunOptions {
  /** On a terminal, sends output longer than the screen through a pager. */
  isPaged?: boolean;
  /** Also warns about settings for the management API. */
  usesApi?: boolean;
  /** The purpose of the settings. Default: a command. */
  purpose?: SettingsPurpose;
  /** Called when the action has ended, or was given up. */
  close?: (stop: Stop) => Promise<void>;
}

/**
 * Runs the action of a command that does not need an AMQP connection. The action ends safely by itself when `stop.signal`
 * is aborted, within a grace period.
 */
export async function withContext<T>(
  command: CommandUnknownOpts,
  action: (context: Context) => Promise<T>,
  { isPaged = false, usesApi = false, purpose, close = async () => {} }: RunOptions = {},
): Promise<T> {
  const since = performance.now();
  const settings = resolveSettings(command, process.env, purpose);
  for (const warning of [...settings.warnings, ...(usesApi ? settings.apiWarnings : [])])
    note(`warning: ${warning}`);
  // A password may have come late.
  const stop = listenForStop(settings.timeoutMs, performance.now() - since);
  const isTerminal = process.stdout.isTTY === true;
  const format = formatFor(settings.output);
  const direct = { sink: standardOutput(), note, end: async () => {} };
  let output: PagedOutput = direct;
  let running: Promise<T> | undefined;
  try {
    if (isPaged && isTerminal) output = (await import('./terminal/pager.ts')).pagedOutput(direct, settings);
    running = confirmProtected(command, settings.context, stop).then(() =>
      action({ settings, stdout: output.sink, format, note: output.note, stop }),
    );
    return await withGrace(stop, running);
  } finally {
    await close(stop);
    await untilReported(stop, running);
    stop.release();
    // Waits for the reader only now, when the messages are back in their queue and the connection is closed.
    await output.end();
  }
}

/** Runs the action of a command with a client, and closes it afterwards. */
export function withClient<T>(
  command: CommandUnknownOpts,
  action: (context: ClientContext) => Promise<T>,
  options?: RunOptions,
): Promise<T> {
  let client: TaskQueueClient | undefined;
  const run = async (context: Context) => {
    const { TaskQueueClient } = await import('../index.ts');
    client = new TaskQueueClient({
      ...context.settings.connection,
      onStatus: (event) => {
        if (event.type === 'warning') context.note(`warning: ${event.error.message}`);
        // What waits for a confirm is stored then, even if the command has given up before.
        if (event.type === 'blocked')
          context.note(
            `warning: the broker blocks publishers (${event.reason}); it stores nothing until that ends`,
          );
      },
    });
    const clientContext = { ...context, client };
    try {
      return await action(clientContext);
    } catch (error) {
      throw await withSuggestions(clientContext, error);
    }
  };
  return withContext(command, run, { ...options, close: async (stop) => client?.close(closeOptions(stop)) });
}
