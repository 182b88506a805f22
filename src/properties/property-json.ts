import type { MessageProperties } from './message-properties.ts';
import { decodePropertyList, encodePropertyList } from './property-list.ts';
import { isTyped, numberToJson, type TypedValue } from './typed-values.ts';

/** Properties as values of JSON. */
export type JsonProperties = { [name: string]: unknown };

/**
 * Properties as JSON can write them, with nothing lost: byte arrays become `{"!": "bytes", "value": <base64>}`, and
 * numbers that JSON lacks `{"!": "double", "value": "NaN"}`.
 */
export function propertiesToJson(properties: MessageProperties): JsonProperties {
  const { headers } = properties;
  return headers === undefined ? { ...properties } : { ...properties, headers: valueToJson(headers) };
}

/**
 * Reads what {@link propertiesToJson} wrote, also after edits, and headers as earlier versions wrote them. Each value
 * gets the form that {@link decodePropertyList} gives it.
 * @throws TaskQueueError `INVALID_MESSAGE` naming a property or header that AMQP cannot carry
 */
export function propertiesFromJson(json: JsonProperties): MessageProperties {
  return decodePropertyList(encodePropertyList(json));
}

function valueToJson(value: unknown): unknown {
  if (typeof value === 'number') {
    return Number.isFinite(value) ? value : { '!': 'double', value: numberToJson(value) };
  }
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) return { '!': 'bytes', value: toBase64(value) };
  if (Array.isArray(value)) return value.map(valueToJson);
  if (isTyped(value)) return typedToJson(value);
  // fromEntries, as an assignment to `__proto__` would not create a member.
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, valueToJson(member)]));
}

function typedToJson({ '!': type, value }: TypedValue): unknown {
  if (typeof value === 'number') return { '!': type, value: numberToJson(value) };
  if (value instanceof Uint8Array) return { '!': type, value: toBase64(value) };
  if (type !== 'table' || !Array.isArray(value)) return { '!': type, value };
  return { '!': type, value: value.map(([key, member]) => [key, valueToJson(member)]) };
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
