import type { MessageLoad } from '../../diagnostics/stats.ts';
import { messageIdOf, type PreparedMessage } from '../../messages/prepared-message.ts';
import { decodePropertyList } from '../../properties/property-list.ts';
import { propertyListIn } from '../connection/raw-frames.ts';

/** A message that was sent, and not answered yet. */
export interface MessageInFlight {
  readonly message: PreparedMessage;
  readonly queue: string;
  /** The broker returned it: the queue does not exist. */
  returned: boolean;
  /**
   * The broker has closed the channel because of a message: of this one, of one before it, so that it has not read this
   * one, or of one that is not known.
   */
  refusal?: 'itself' | 'unread' | 'perhaps' | undefined;
}

/** The most that may be unconfirmed: enough to keep the broker busy at any network latency. */
const MOST = 10_000;
/** A larger message may go when it is alone. */
const MOST_BYTES = 32 * 1024 * 1024;

/** What was sent on a confirm channel and is neither confirmed nor given up, in the order in which it was sent. */
export class MessagesInFlight implements Iterable<MessageInFlight> {
  readonly #all = new Set<MessageInFlight>();
  #bytes = 0;
  readonly #onDelete: (() => void)[] = [];

  [Symbol.iterator](): Iterator<MessageInFlight> {
    return this.#all.values();
  }

  get load(): MessageLoad {
    return { messages: this.#all.size, bytes: this.#bytes };
  }

  add(sent: MessageInFlight): void {
    this.#all.add(sent);
    this.#bytes += sizeOf(sent.message);
  }

  /** @returns whether it was among them */
  delete(sent: MessageInFlight): boolean {
    if (!this.#all.delete(sent)) return false;
    this.#bytes -= sizeOf(sent.message);
    if (this.#onDelete.length > 0) for (const wake of this.#onDelete.splice(0)) wake();
    return true;
  }

  /** Whether another message may be sent. */
  hasRoomFor(message: PreparedMessage): boolean {
    const { size } = this.#all;
    return size === 0 || (size < MOST && this.#bytes + sizeOf(message) <= MOST_BYTES);
  }

  /** Resolves when there is room for the message. For one caller at a time. */
  roomFor(message: PreparedMessage): Promise<void> {
    return this.#until(() => this.hasRoomFor(message));
  }

  /** Resolves when there are none any more. */
  ended(): Promise<void> {
    return this.#until(() => this.#all.size === 0);
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#onDelete.push(resolve));
  }

  /**
   * A return comes before the confirm of the same message, and the confirm still says ok. It is matched by queue and
   * bytes; among messages that are alike in all of them it makes no difference which one is published again. A broker with
   * message interceptors returns other properties than it was sent, but for the `message_id`.
   */
  markReturned({ fields, properties, content }: ReturnedMessage): void {
    const list = propertyListIn({ properties });
    const find = (isIt: (message: PreparedMessage) => boolean) => {
      for (const sent of this.#all) {
        if (sent.returned || sent.queue !== fields.routingKey) continue;
        if (isIt(sent.message) && sent.message.body.equals(content)) return sent;
      }
      return undefined;
    };
    const findChanged = () => {
      const messageId = messageIdOf(decodePropertyList(list));
      return find((message) => message.messageId === messageId);
    };
    const found = find((message) => message.list.equals(list)) ?? findChanged();
    if (found) found.returned = true;
  }
}

function sizeOf({ body, list }: PreparedMessage): number {
  return body.length + list.length;
}

/** As amqplib passes it on. */
interface ReturnedMessage {
  fields: { routingKey: string };
  properties: object;
  content: Buffer;
}
