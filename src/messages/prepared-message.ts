import { isUint8Array } from 'node:util/types';
import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';
import { FLAG } from '../properties/field-layout.ts';
import type { MessageProperties } from '../properties/message-properties.ts';
import { decodePropertyList, propertyListOf } from '../properties/property-list.ts';
import {
  applyReplayPolicy,
  type ReplayChange,
  type ReplayPolicyOptions,
} from '../properties/replay-policy.ts';
import { defaultProperties } from './default-properties.ts';
import type { OutgoingMessage, RawMessage } from './stored-message.ts';

/** A message ready for the broker: bytes only. */
export interface PreparedMessage {
  body: Buffer;
  /** The property flags and values of its content header frame. */
  list: Buffer;
  /** For error messages; undefined if it has none, or one that is not text. */
  messageId: string | undefined;
  /** What the replay policy changed. */
  changes: readonly ReplayChange[];
}

/**
 * A message as a caller gives it, with default properties if it has none. A body that is not bytes is refused here: it
 * would be written as something else, and the broker would close the connection and fail everything in flight on it.
 * @throws TaskQueueError `INVALID_MESSAGE`
 */
export function toRawMessage(message: OutgoingMessage<Uint8Array>): RawMessage {
  if (typeof message !== 'object' || message === null)
    throw unencodable('it', message, 'an object with a body');
  const { body, properties, propertyList } = message;
  if (typeof properties !== 'object' && properties !== undefined)
    throw unencodable('its properties', properties, 'an object');
  return {
    body: toBuffer('its body', body),
    properties: properties ?? defaultProperties(),
    propertyList: propertyList ? toBuffer('its propertyList', propertyList) : undefined,
  };
}

/** A view of the same memory. */
function toBuffer(what: string, bytes: unknown): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  // Also of another realm, such as that of a test runner.
  if (isUint8Array(bytes)) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  throw unencodable(what, bytes, 'Buffer or Uint8Array', 'Buffer.from(text) has the bytes of a text.');
}

/** Names the type alone, as the value may be large or secret. */
function unencodable(what: string, value: unknown, expected: string, hint?: string): TaskQueueError {
  const type = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
  const message = `The message cannot be encoded: ${what} is of type ${type}, not ${expected}`;
  return new TaskQueueError(ErrorCode.invalidMessage, message, { hint });
}

const ANY_USER: ReplayPolicyOptions = { userId: undefined, keepExpiration: false };

/**
 * @param policy default: as of a message that may be anybody's
 * @throws TaskQueueError `INVALID_MESSAGE` naming a property that cannot be encoded
 */
export function prepareMessage(message: RawMessage, policy = ANY_USER): PreparedMessage {
  const { list, changes } = applyReplayPolicy(propertyListOf(message), policy);
  if ((list.readUInt16BE(0) & (FLAG.expiration | FLAG.reply_to)) !== 0)
    checkMeaning(decodePropertyList(list));
  return { body: message.body, list, messageId: messageIdOf(message.properties), changes };
}

/** Undefined if it is not text. */
export function messageIdOf({ message_id }: MessageProperties): string | undefined {
  return typeof message_id === 'string' ? message_id : undefined;
}

/** Ten years, in milliseconds (`MAX_EXPIRY_TIMER` in rabbit.hrl). */
const MAX_EXPIRATION = 315_360_000_000;

/** RabbitMQ closes the channel on any other value, and every message in flight fails with it. */
function checkMeaning({ expiration, reply_to }: MessageProperties): void {
  const isExpiration =
    typeof expiration === 'string' &&
    /^([+]?\d+|-0+)$/.test(expiration) &&
    Number(expiration) <= MAX_EXPIRATION;
  if (expiration !== undefined && !isExpiration) {
    throw new TaskQueueError(
      ErrorCode.invalidMessage,
      `Property expiration is ${JSON.stringify(expiration)}, not a whole number of milliseconds, ten years at most`,
    );
  }
  if (reply_to === 'amq.rabbitmq.reply-to') {
    throw new TaskQueueError(
      ErrorCode.invalidMessage,
      `Property reply_to is "${reply_to}", which RabbitMQ takes only from the channel that receives the replies`,
    );
  }
}

/**
 * Checks everything about a message that can be checked without publishing it.
 * @param maxBytes of the body
 * @throws TaskQueueError `INVALID_MESSAGE`, `MESSAGE_TOO_LARGE`
 */
export function checkOutgoing({ body, properties, propertyList }: OutgoingMessage, maxBytes: number): void {
  if (body.length > maxBytes) {
    throw new TaskQueueError(
      ErrorCode.messageTooLarge,
      `its body is ${body.length} bytes; the limit is ${maxBytes}`,
    );
  }
  if (properties !== undefined) prepareMessage({ body, properties, propertyList });
}
