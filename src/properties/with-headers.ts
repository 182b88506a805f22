import type { MessageProperties } from './message-properties.ts';

/**
 * Adds headers to properties, or replaces their values.
 * @param headers of text
 */
export function withHeaders(
  properties: MessageProperties,
  headers: { [name: string]: string },
): MessageProperties {
  const table: { [name: string]: unknown } = properties.headers ?? {};
  // A table whose names a JavaScript object cannot hold has the form of a typed value.
  const isList = table['!'] === 'table' && Array.isArray(table.value);
  if (!isList) return { ...properties, headers: { ...table, ...headers } };
  return {
    ...properties,
    headers: { '!': 'table', value: [...(table.value as unknown[]), ...Object.entries(headers)] },
  };
}
