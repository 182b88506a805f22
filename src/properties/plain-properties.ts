import type { MessageProperties } from './message-properties.ts';
import { canonicalType, isTyped, numberFromJson, propertyText } from './typed-values.ts';

/**
 * Properties as plain values, for expressions and comparisons, where it matters that a header is 3 and not that it came as
 * an integer of 32 bits. Numbers are numbers, beyond 2^53 a `bigint`; a decimal is the nearest number; text that is not
 * UTF-8 is `base64:…`, byte arrays are base64. Of keys that occur twice the last one counts. Not for publishing.
 */
export function plainProperties(properties: MessageProperties): { [name: string]: unknown } {
  const plain = Object.entries(properties).map(([name, value]) => [name, plainValue(value)]);
  return Object.fromEntries(plain);
}

function plainValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(plainValue);
  if (isTyped(value)) return plainTyped(canonicalType(value['!']), value.value);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plainValue(member)]));
}

function plainTyped(type: string, value: unknown): unknown {
  switch (type) {
    case 'string_base64':
      return `base64:${value}`;
    case 'boolean':
      return Boolean(value);
    case 'double':
    case 'float':
      return numberFromJson(value);
    case 'decimal': {
      const { places, digits } = value as { places: number; digits: number };
      return digits / 10 ** places;
    }
    case 'table':
      return Object.fromEntries(
        (value as [Parameters<typeof propertyText>[0], unknown][]).map(([key, member]) => [
          propertyText(key),
          plainValue(member),
        ]),
      );
    default:
      // 64-bit digits become a bigint; everything else stays unchanged.
      return typeof value === 'string' && /^-?\d+$/.test(value) ? BigInt(value) : value;
  }
}
