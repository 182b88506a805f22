import type { MessageProperties } from '../properties/message-properties.ts';

/** A message to be stored: the bytes as they are, never decoded and encoded again. */
export interface OutgoingMessage<Body extends Uint8Array = Buffer> {
  /** Any bytes; MCP messages are JSON in UTF-8. */
  body: Body;
  /** What the publisher says about it. Default: {@link defaultProperties}, when it is published. */
  properties?: MessageProperties | undefined;
  /**
   * The encoded properties (flags and values), where the typed form cannot express all of them: values of unknown
   * types, or nested more than 500 levels deep. Published in place of `properties`.
   */
  propertyList?: Buffer | undefined;
}

/** A message as the broker keeps it. */
export interface RawMessage extends OutgoingMessage {
  properties: MessageProperties;
}

/** A message read from a task's queue. */
export interface StoredMessage extends RawMessage {
  /** The task whose queue it was read from. */
  taskId: string;
  /** The broker delivered it before, to a reader that gave it back or disappeared. */
  redelivered: boolean;
}
