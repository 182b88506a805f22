import { propertyListOf } from './property-list.ts';
import { applyReplayPolicy, type ReplayChange, type ReplayPolicyOptions } from './replay-policy.ts';
import type { RawMessage } from './stored-message.ts';

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
