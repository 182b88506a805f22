import { hasCode } from '../../cli-shared.ts';
import type { PublishOptions, PublishResult, StoredMessage, TaskQueueClient } from '../../index.ts';
import type { Destination } from './destination.ts';
import { isOwnFault, isRejected, RefusedMessages } from './refused-messages.ts';
import { ReplayReport } from './replay-report.ts';

/** Publishes batches to another task. Confirmed messages may be removed from the source; the rest stays there. */
export class Publishing {
  readonly to: string;
  readonly report = new ReplayReport();
  readonly refused = new RefusedMessages();
  confirmed = 0;
  /** How many of the confirmed messages came after one that was not. */
  confirmedBehind = 0;
  /** Messages that were confirmed, but cannot all be found at the destination. */
  dropped = 0;
  /** Messages that were not confirmed but may have arrived. */
  unsure = 0;
  /** The error that ends the work. */
  error: unknown;
  readonly #failed = new AbortController();
  readonly #client: TaskQueueClient;
  readonly #destination: Destination;
  readonly #options: PublishOptions;
  #seen = 0;
  #rejected = 0;

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
    this.unsure += await this.#destination.mayHave(this.#rejected);
    if (dropped !== undefined) {
      this.dropped += confirmed.length;
      return batch;
    }
    this.confirmed += confirmed.length;
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
    if (isRejected(error)) this.#rejected++;
    this.#end(error);
  }

  #end(error: unknown): void {
    this.error ??= error;
    this.#failed.abort();
  }
}
