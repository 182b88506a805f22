import { readFileSync } from 'node:fs';
import type { MessageProperties } from '../../src/index.ts';

/** A message that the Python package rabbitmq-mcp-task-queue 0.1.0 really wrote. */
export interface ReferenceMessage {
  name: string;
  properties: MessageProperties;
  body: Buffer;
}

const file = new URL('../wire/reference-messages.json', import.meta.url);
const stored = JSON.parse(readFileSync(file, 'utf8')) as (Omit<ReferenceMessage, 'body'> & {
  body_base64: string;
})[];

export const REFERENCE_MESSAGES: readonly ReferenceMessage[] = stored.map(
  ({ name, properties, body_base64 }) => ({
    name,
    properties,
    body: Buffer.from(body_base64, 'base64'),
  }),
);
