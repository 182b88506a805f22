import { decodePropertyList } from '../../properties/property-list.ts';
import type { MessageInFlight } from './messages-in-flight.ts';

/*
 * RabbitMQ closes the channel on a message that it refuses, and says what is wrong, but not with which message. These
 * are its texts (3.10 to 4.3), with what they reveal about the message.
 */

/** rabbit_channel.erl, check_msg_size. */
const TOO_LARGE = /message size (\d+) .*larger than/;
/** rabbit_basic.erl, is_message_persistent, before RabbitMQ 4, which takes any. */
const BAD_DELIVERY_MODE = /delivery_mode_unknown,(\d+)/;

/**
 * The one of these messages that the broker has refused, as far as that can be known: the only one, or the first that
 * fits its words.
 */
export function refusedMessage(
  inFlight: Iterable<MessageInFlight>,
  words: string,
): MessageInFlight | undefined {
  const sent = [...inFlight];
  if (sent.length === 1) return sent[0];
  const size = TOO_LARGE.exec(words)?.[1];
  if (size !== undefined) return sent.find(({ message }) => message.body.length === Number(size));
  const mode = BAD_DELIVERY_MODE.exec(words)?.[1];
  if (mode === undefined) return undefined;
  return sent.find(({ message }) => decodePropertyList(message.list).delivery_mode === Number(mode));
}
