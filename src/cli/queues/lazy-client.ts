import type { TaskQueueClient } from '../../index.ts';
import type { Settings } from '../settings/settings.ts';

/** A client for a command that may not need one: it is created on first use. */
export class LazyClient {
  readonly #settings: Settings;
  #client: TaskQueueClient | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  async get(): Promise<TaskQueueClient> {
    const { TaskQueueClient } = await import('../../index.ts');
    this.#client ??= new TaskQueueClient(this.#settings.connection);
    return this.#client;
  }

  async close(): Promise<void> {
    // Nothing the client still does is worth waiting for.
    await this.#client?.close({ timeoutMs: 500 });
  }
}
