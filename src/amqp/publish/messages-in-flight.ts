import type { PreparedMessage } from '../../messages/prepared-message.ts';
import { propertyListIn } from '../connection/raw-frames.ts';

/** A message that was sent, and not answered yet. */
export interface MessageInFlight extends PreparedMessage {
  queue: string;
  /** The broker returned it: the queue does not exist. */
  returned: boolean;
  /**
   * The broker has closed the channel because of a message: of this one, of one before it, so that it has not read this
   * one, or of one that is not known.
   */
  refusal?: 'itself' | 'unread' | 'perhaps' | undefined;
}

/** What was sent on a confirm channel and is neither confirmed nor given up, in the order in which it was sent. */
export class MessagesInFlight implements Iterable<MessageInFlight> {
  readonly #messages = new Set<MessageInFlight>();
  #onEnd: (() => void)[] = [];

  [Symbol.iterator](): Iterator<MessageInFlight> {
    return this.#messages.values();
  }

  add(message: MessageInFlight): void {
    this.#messages.add(message);
  }

  /** @returns whether it was among them */
  delete(message: MessageInFlight): boolean {
    const wasThere = this.#messages.delete(message);
    if (this.#messages.size === 0) for (const wake of this.#onEnd.splice(0)) wake();
    return wasThere;
  }

  /** Resolves when there are none any more. */
  async ended(): Promise<void> {
    if (this.#messages.size === 0) return;
    await new Promise<void>((resolve) => this.#onEnd.push(resolve));
  }

  /**
   * A return comes before the confirm of the same message, and the confirm still says ok. It is matched by queue and
   * bytes, which come back as they were sent; among messages that are alike in all of them it makes no difference which
   * one is published again.
   */
  markReturned(returned: { fields: { routingKey: string }; properties: object; content: Buffer }): void {
    const list = propertyListIn(returned);
    for (const message of this.#messages) {
      if (
        !message.returned &&
        message.queue === returned.fields.routingKey &&
        message.list.equals(list) &&
        message.body.equals(returned.content)
      ) {
        message.returned = true;
        return;
      }
    }
  }
}
