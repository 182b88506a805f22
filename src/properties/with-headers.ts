import type { MessageProperties } from './message-properties.ts';

/**
 * Properties with some more headers, or other values for those that are there.
 * @param properties
 * @param headers of text
 */
export function withHeaders(
  properties: MessageProperties,
  headers: { [name: string]: string },
): MessageProperties {
  const table: { [name: string]: unknown } = properties.headers ?? {};
  // A table with names that a JavaScript object cannot have has the form of a typed value.
  const isList = table['!'] === 'table' && Array.isArray(table.value);
  if (!isList) return { ...properties, headers: { ...table, ...headers } };
  return {
    ...properties,
    headers: { '!': 'table', value: [...(table.value as unknown[]), ...Object.entries(headers)] },
  };
}
