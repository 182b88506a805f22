import type { TaskQueueClient } from '../index.ts';
import type { Sink } from './output/sinks.ts';
import type { formatFor, Settings } from './settings/settings.ts';
import type { Stop } from './terminal/stop.ts';

/** What a running command works with. */
export interface Context {
  settings: Settings;
  stdout: Sink;
  format: ReturnType<typeof formatFor>;
  /**
   * Prints a line on stderr: everything that is not the requested data. For a terminal, the text is made safe and
   * wrapped, so colours are applied by `paint` afterwards.
   */
  note(text: string, paint?: (text: string) => string): void;
  stop: Stop;
}

export interface ClientContext extends Context {
  client: TaskQueueClient;
}
