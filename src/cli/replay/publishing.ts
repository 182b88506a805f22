import { hasCode } from '../../cli-shared.ts';
import type { PublishOptions, PublishResult, StoredMessage, TaskQueueClient } from '../../index.ts';
import type { Destination } from './destination.ts';
import { isOwnFault, RefusedMessages } from './refused-messages.ts';
import { ReplayReport } from './replay-report.ts';

/** Publishes batches to another task. Confirmed messages may be removed from the source; the rest stays there. */
export class Publishing {
  readonly to: string;
  readonly report = new ReplayReport();
  readonly refused = new RefusedMessages();
  moved = 0;
  /** Messages that were not confirmed but may have arrived. */
  unsure = 0;
  /** The error that stopped the move. */
  error: unknown;
  readonly #failed = new AbortController();
  readonly #client: TaskQueueClient;
  readonly #destination: Destination;
  readonly #options: PublishOptions;
  #seen = 0;

  constructor(client: TaskQueueClient, destination: Destination, to: string, options: PublishOptions) {
    this.#client = client;
    this.#destination = destination;
    this.to = to;
    this.#options = options;
  }

  /** Aborted by any failure that is not specific to one message. */
  get failed(): AbortSignal {
    return this.#failed.signal;
  }

  /** @returns the messages that have to stay in the source */
  async put(batch: StoredMessage[]): Promise<StoredMessage[]> {
    const { fitting, failure } = this.#destination.fit(batch);
    const outcomes = await Promise.allSettled(
      fitting.map((message) => this.#client.publish(this.to, message, this.#options)),
    );
    const confirmed = fitting.filter((message, index) => {
      this.#seen++;
      const outcome = outcomes[index] as PromiseSettledResult<PublishResult>;
      if (outcome.status === 'fulfilled') this.report.add(outcome.value.changes);
      else this.#fail(message, outcome.reason);
      return outcome.status === 'fulfilled';
    });
    const dropped = await this.#destination.verify(confirmed);
    if (dropped ?? failure) this.#end(dropped ?? failure);
    if (dropped !== undefined) {
      this.unsure += confirmed.length;
      return batch;
    }
    this.moved += confirmed.length;
    const removable = new Set(confirmed);
    return batch.filter((message) => !removable.has(message));
  }

  #fail({ properties }: StoredMessage, error: unknown): void {
    if (isOwnFault(error)) {
      const id =
        properties.message_id === undefined ? '' : ` (message_id ${JSON.stringify(properties.message_id)})`;
      this.refused.add(`message ${this.#seen}${id}`, error);
      return;
    }
    if (hasCode(error, 'PUBLISH_UNCONFIRMED')) this.unsure++;
    this.#end(error);
  }

  #end(error: unknown): void {
    this.error ??= error;
    this.#failed.abort();
  }
}
