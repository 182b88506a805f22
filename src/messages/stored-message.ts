import type { MessageProperties } from '../properties/message-properties.ts';

/** A message to be stored: the bytes as they are, never decoded and encoded again. */
export interface OutgoingMessage {
  /** Of any kind; a task's messages are JSON in UTF-8. */
  body: Buffer;
  /** What the publisher says about it. Default: {@link defaultProperties}, when it is published. */
  properties?: MessageProperties | undefined;
  /**
   * The properties as AMQP encodes them (flags and values), where the typed form does not say all of them: values of
   * unknown types, or nested over 500 levels deep. What is published then, in place of `properties`.
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
  /** The broker delivered it before, to somebody who gave it back or went away. */
  redelivered: boolean;
}
