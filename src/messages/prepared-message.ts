import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';
import { decodePropertyList, propertyListOf } from '../properties/property-list.ts';
import {
  applyReplayPolicy,
  type ReplayChange,
  type ReplayPolicyOptions,
} from '../properties/replay-policy.ts';
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

/** @throws TaskQueueError `INVALID_MESSAGE` naming a property that cannot be encoded */
export function prepareMessage(message: RawMessage, policy: ReplayPolicyOptions): PreparedMessage {
  const { list, changes } = applyReplayPolicy(propertyListOf(message), policy);
  if ((list.readUInt16BE(0) & EXPIRATION) !== 0) checkExpiration(decodePropertyList(list).expiration);
  const { message_id: messageId } = message.properties;
  return {
    body: message.body,
    list,
    messageId: typeof messageId === 'string' ? messageId : undefined,
    changes,
  };
}

/** The flag of the property. */
const EXPIRATION = 0x0100;

/** RabbitMQ closes the channel on any other value, and every message in flight fails with it. */
function checkExpiration(expiration: unknown): void {
  if (typeof expiration === 'string' && /^([+]?\d+|-0+)$/.test(expiration)) return;
  throw new TaskQueueError(
    ErrorCode.invalidMessage,
    `Property expiration is ${JSON.stringify(expiration)}, not a whole number of milliseconds`,
  );
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
  if (properties !== undefined) prepareMessage({ body, properties, propertyList }, ANY_USER);
}

const ANY_USER: ReplayPolicyOptions = { userId: undefined, keepExpiration: false };
