/**
 * AMQP 0-9-1 basic properties, by their protocol names as RabbitMQ's own tools print them. Absent where the
 * publisher set none. `headers` hold AMQP table values as amqplib decodes them: strings, numbers, booleans,
 * `Buffer` for byte arrays, `{ '!': 'timestamp' | 'decimal' | …, value }` for typed values, arrays, tables.
 */
export interface MessageProperties {
  content_type?: string;
  content_encoding?: string;
  headers?: { [name: string]: unknown };
  /** 1 transient, 2 persistent. */
  delivery_mode?: number;
  priority?: number;
  correlation_id?: string;
  reply_to?: string;
  /** Milliseconds until the broker may discard the message, as a decimal string. */
  expiration?: string;
  message_id?: string;
  /** Seconds since the epoch. */
  timestamp?: number;
  type?: string;
  user_id?: string;
  app_id?: string;
  cluster_id?: string;
}

/** A message to be stored: the bytes as they are, never decoded and encoded again. */
export interface OutgoingMessage {
  /** Of any kind; a task's messages are JSON in UTF-8. */
  body: Buffer;
  /** What the publisher says about it. Default: {@link ownProperties}, when it is published. */
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
