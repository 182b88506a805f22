import type { PropertyText, Uint64 } from './typed-values.ts';

/**
 * AMQP 0-9-1 basic properties, by their protocol names as RabbitMQ's own tools print them. Absent where the
 * publisher set none.
 */
export interface MessageProperties {
  content_type?: PropertyText;
  content_encoding?: PropertyText;
  /**
   * Values are strings, numbers, booleans, null, `Buffer` for byte arrays, arrays, and objects for tables. A number is the
   * smallest signed AMQP integer that holds it (8, 16, 32 or 64 bits), or a double if it has a fraction. Any other value
   * carries its type, `{ '!': 'uint32', value: 7 }`, so that it is sent back unchanged:
   *
   * - `int16`, `int32`, `uint8`, `uint16`, `uint32`, `float`, `double`;
   * - `int64`, `longlong` (the same with type octet `L`) and `timestamp` (seconds): a string of digits beyond 2^53 - 1;
   * - `decimal`: `{ places, digits }`; `boolean`: the byte, if it is neither 0 nor 1;
   * - `string_base64`: a string that is not UTF-8;
   * - `table`: `[[key, value], …]`, with keys that occur twice, would be reordered in an object, are not UTF-8 or are `"!"`.
   *
   * `{ '!': 'bytes', value: <base64> }` and amqplib's names of types are understood as well.
   */
  headers?: { [name: string]: unknown };
  /** 1 transient, 2 persistent; RabbitMQ refuses others, or treats them as transient. */
  delivery_mode?: number;
  /** 0 to 255. */
  priority?: number;
  correlation_id?: PropertyText;
  reply_to?: PropertyText;
  /** Milliseconds until the broker may discard the message, in decimal digits. */
  expiration?: PropertyText;
  message_id?: PropertyText;
  /** Seconds since the epoch, though publishers exist that mean other units; beyond 2^53 - 1 in decimal digits. */
  timestamp?: number | Uint64;
  type?: PropertyText;
  user_id?: PropertyText;
  app_id?: PropertyText;
  cluster_id?: PropertyText;
}
