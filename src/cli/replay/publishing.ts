import type { PublishOptions, PublishResult, StoredMessage, TaskQueueClient } from '../../index.ts';
import type { Destination } from './destination.ts';
import { PublishTally } from './publish-tally.ts';

/** Publishes batches to another task. Confirmed messages may be removed from the source; the rest stays there. */
export class Publishing extends PublishTally {
  readonly to: string;
  /** Messages that were confirmed, but cannot all be found at the destination. */
  dropped = 0;
  /** The error that ends the work. */
  error: unknown;
  readonly #failed = new AbortController();
  readonly #client: TaskQueueClient;
  readonly #destination: Destination;
  readonly #options: PublishOptions;
  #seen = 0;

  constructor(client: TaskQueueClient, destination: Destination, to: string, options: PublishOptions) {
    super();
    this.#client = client;
    this.#destination = destination;
    this.to = to;
    this.#options = options;
  }

  /** Aborted by any failure that is not specific to one message. */
  get failed(): AbortSignal {
    return this.#failed.signal;
  }

  /** Also that of a single message, which does not end the work. */
  get firstFailure(): unknown {
    return this.error ?? this.refused.firstError;
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
      if (outcome.status === 'rejected') {
        this.#fail(message, outcome.reason);
        return false;
      }
      this.report.add(outcome.value.changes);
      if (this.firstFailure !== undefined) this.confirmedBehind++;
      return true;
    });
    const dropped = await this.#destination.verify(confirmed);
    if (dropped ?? failure) this.#end(dropped ?? failure);
    this.unsure += await this.#destination.mayHave(this.rejected);
    if (dropped !== undefined) {
      this.dropped += confirmed.length;
      return batch;
    }
    this.confirmed += confirmed.length;
    const removable = new Set(confirmed);
    return batch.filter((message) => !removable.has(message));
  }

  #fail({ properties }: StoredMessage, error: unknown): void {
    const id =
      properties.message_id === undefined ? '' : ` (message_id ${JSON.stringify(properties.message_id)})`;
    if (!this.addFailure(`message ${this.#seen}${id}`, error)) this.#end(error);
  }

  #end(error: unknown): void {
    this.error ??= error;
    this.#failed.abort();
  }
}
