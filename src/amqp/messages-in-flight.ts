import type { Message } from 'amqplib';

/** A message that was sent, and not answered yet. */
export interface MessageInFlight {
  queue: string;
  body: Buffer;
  messageId: string | undefined;
  /** The broker has sent it back: there is no such queue. */
  returned: boolean;
}

/** What was sent on a confirm channel and is neither confirmed nor given up. */
export class MessagesInFlight {
  readonly #messages = new Set<MessageInFlight>();
  #onEnd: (() => void)[] = [];

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
   * A return comes before the confirm of the same message, and the confirm still says ok. It is matched by
   * queue, message id and bytes; among messages that are alike in all of them it makes no difference which
   * one is published again.
   */
  markReturned({ fields, properties, content }: Message): void {
    for (const message of this.#messages) {
      if (
        !message.returned &&
        message.queue === fields.routingKey &&
        message.messageId === properties.messageId &&
        message.body.equals(content)
      ) {
        message.returned = true;
        return;
      }
    }
  }
}
