import { ErrorCode, TaskQueueError } from '../errors.ts';
import { propertyListOf } from './property-list.ts';
import { applyReplayPolicy, type ReplayChange, type ReplayPolicyOptions } from './replay-policy.ts';
import type { OutgoingMessage, RawMessage } from './stored-message.ts';

/** A message as it goes to the broker: bytes only. */
export interface PreparedMessage {
  body: Buffer;
  /** The property flags and values of its content header frame. */
  list: Buffer;
  /** For error messages; undefined where it has none, or one that is not text. */
  messageId: string | undefined;
  /** What is not as it was given. */
  changes: readonly ReplayChange[];
}

/** @throws TaskQueueError `INVALID_MESSAGE` naming a property that cannot be encoded */
export function prepareMessage(message: RawMessage, policy: ReplayPolicyOptions): PreparedMessage {
  const { list, changes } = applyReplayPolicy(propertyListOf(message), policy);
  const { message_id: messageId } = message.properties;
  return {
    body: message.body,
    list,
    messageId: typeof messageId === 'string' ? messageId : undefined,
    changes,
  };
}

/**
 * Checks what can be checked of a message before it is published, as a whole file is before any of it is sent.
 * @param maxBytes of the body
 * @throws TaskQueueError `INVALID_MESSAGE`, `MESSAGE_TOO_LARGE`
 */
export function checkOutgoing({ body, properties, propertyList }: OutgoingMessage, maxBytes: number): void {
  if (body.length > maxBytes) {
    throw new TaskQueueError(
      ErrorCode.messageTooLarge,
      `its body has ${body.length} bytes, and the most is ${maxBytes}`,
    );
  }
  if (properties !== undefined) prepareMessage({ body, properties, propertyList }, ANY_USER);
}

const ANY_USER: ReplayPolicyOptions = { userId: undefined, keepExpiration: false };
