/*
 * AMQP header values as JSON: what JSON has stays, amqplib's typed values ({"!": "timestamp", "value": …})
 * are JSON already, byte arrays become {"!": "bytes", "value": <base64>} and numbers that JSON cannot write
 * {"!": "double", "value": "NaN"}.
 */

export function headerValueToJson(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return { '!': 'bytes', value: value.toString('base64') };
  if (typeof value === 'number' && !Number.isFinite(value)) return { '!': 'double', value: String(value) };
  if (Array.isArray(value)) return value.map(headerValueToJson);
  return isTable(value) ? mapTable(value, headerValueToJson) : value;
}

export function headerValueFromJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(headerValueFromJson);
  if (!isTable(value)) return value;
  if (value['!'] === 'bytes' && typeof value.value === 'string') return Buffer.from(value.value, 'base64');
  if (value['!'] === 'double' && typeof value.value === 'string') {
    return { '!': 'double', value: Number(value.value) };
  }
  return mapTable(value, headerValueFromJson);
}

type Table = { [name: string]: unknown };

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null;
}

/** fromEntries, since an assignment to `__proto__` would make no member. */
function mapTable(table: Table, map: (value: unknown) => unknown): Table {
  return Object.fromEntries(Object.entries(table).map(([name, value]) => [name, map(value)]));
}
