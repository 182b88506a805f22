import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';
import { checkPropertyList } from './check-property-list.ts';
import { MORE_FLAGS, PROPERTIES, type PropertyKind, Unencodable, UnreadableList } from './field-layout.ts';
import { FieldReader } from './field-reader.ts';
import { FieldWriter } from './field-writer.ts';
import type { MessageProperties } from './message-properties.ts';
import { isTyped } from './typed-values.ts';

/*
 * The properties of a message as AMQP 0-9-1 has them in a content header frame, behind the size of the body: flags for
 * those that are there, and their values.
 */

/** As AMQP 0-9-1 has them. */
export const PROPERTY_NAMES: ReadonlySet<string> = new Set(PROPERTIES.map(({ name }) => name));

/**
 * Decodes a property list into the form that {@link encodePropertyList} takes. What cannot be decoded is left out.
 *
 * @param list the property flags and values of a content header frame
 */
export function decodePropertyList(list: Buffer): MessageProperties {
  return decode(list).properties;
}

/**
 * Decodes a property list, and returns a copy of the list itself if the decoded form loses anything: values of
 * unknown types, nested more than 500 levels deep, or cut off. Never throws.
 *
 * @param list the property flags and values of a content header frame
 */
export function readPropertyList(list: Buffer): { properties: MessageProperties; propertyList?: Buffer } {
  const { properties, isComplete } = decode(list);
  if (isComplete && encodes(properties, list)) return { properties };
  return { properties, propertyList: Buffer.from(list) };
}

/**
 * The list to publish: the original bytes if there are any, else the encoded properties.
 * @throws TaskQueueError `INVALID_MESSAGE` where AMQP cannot carry them, or RabbitMQ would close the connection for them
 */
export function propertyListOf({
  properties,
  propertyList,
}: {
  properties: MessageProperties;
  propertyList?: Buffer | undefined;
}): Buffer {
  const list = propertyList ?? encodePropertyList(properties);
  // The encoder's output is readable, except perhaps for floating-point numbers in headers.
  if (propertyList !== undefined || properties.headers !== undefined) checkPropertyList(list);
  return list;
}

/**
 * The property flags and values of a content header frame.
 * @throws TaskQueueError `INVALID_MESSAGE` naming the property that AMQP cannot carry, and why
 */
export function encodePropertyList(properties: MessageProperties): Buffer {
  try {
    return encode(properties);
  } catch (error) {
    if (!(error instanceof Unencodable)) throw error;
    throw new TaskQueueError(ErrorCode.invalidMessage, `The message cannot be encoded: ${error.message}`);
  }
}

function encode(properties: MessageProperties): Buffer {
  const writer = new FieldWriter();
  writer.uint16(0);
  let flags = 0;
  for (let index = 0; index < PROPERTIES.length; index++) {
    const { name, kind, flag } = PROPERTIES[index] as (typeof PROPERTIES)[number];
    const value: unknown = properties[name];
    if (value === undefined) continue;
    flags |= flag;
    try {
      write(writer, kind, value);
    } catch (error) {
      if (!(error instanceof Unencodable)) throw error;
      throw new Unencodable(name === 'headers' ? error.message : `property ${name}: ${error.message}`);
    }
  }
  writer.patch16(0, flags);
  checkNames(properties);
  return writer.finish();
}

function write(writer: FieldWriter, kind: PropertyKind, value: unknown): void {
  switch (kind) {
    case 'text':
      writer.shortTextOrBytes(value);
      break;
    case 'octet':
      if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > 255) {
        throw new Unencodable('expected a whole number from 0 to 255');
      }
      writer.octet(value as number);
      break;
    case 'time':
      writer.uint64(typeof value === 'number' ? value : uint64In(value));
      break;
    case 'table':
      if (
        typeof value !== 'object' ||
        value === null ||
        Array.isArray(value) ||
        value instanceof Uint8Array
      ) {
        throw new Unencodable('property headers: expected an object');
      }
      writer.table(value);
  }
}

/** The value of `{"!": "uint64", "value": …}`; anything else is refused as not being a number. */
function uint64In(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !isTyped(value)) return undefined;
  return value['!'] === 'uint64' && Object.keys(value).length === 2 ? value.value : undefined;
}

/** A misspelt property would be dropped silently. */
function checkNames(properties: object): void {
  for (const name of Object.keys(properties)) {
    if (!PROPERTY_NAMES.has(name) && (properties as { [name: string]: unknown })[name] !== undefined) {
      throw new Unencodable(`AMQP has no property ${JSON.stringify(name)}`);
    }
  }
}

function decode(list: Buffer): { properties: MessageProperties; isComplete: boolean } {
  const properties: { [name: string]: unknown } = {};
  if (list.length < 2) return { properties, isComplete: false };
  const flags = list.readUInt16BE(0);
  let at = 2;
  let last = flags;
  while ((last & MORE_FLAGS) !== 0) {
    if (at + 2 > list.length) return { properties, isComplete: false };
    last = list.readUInt16BE(at);
    at += 2;
  }
  const reader = new FieldReader(list, at);
  try {
    for (let index = 0; index < PROPERTIES.length; index++) {
      const { name, kind, flag } = PROPERTIES[index] as (typeof PROPERTIES)[number];
      if ((flags & flag) !== 0) properties[name] = read(reader, kind);
    }
  } catch (error) {
    if (!(error instanceof UnreadableList)) throw error;
    return { properties, isComplete: false };
  }
  return { properties, isComplete: reader.isComplete };
}

function read(reader: FieldReader, kind: PropertyKind): unknown {
  switch (kind) {
    case 'text':
      return reader.shortText();
    case 'octet':
      return reader.octet();
    case 'time': {
      const seconds = reader.uint64();
      return typeof seconds === 'string' ? { '!': 'uint64', value: seconds } : seconds;
    }
    case 'table':
      return reader.headers();
  }
}

/** Proves for each list read that the decoder lost nothing. */
function encodes(properties: MessageProperties, list: Buffer): boolean {
  try {
    return encode(properties).equals(list);
  } catch {
    return false;
  }
}
