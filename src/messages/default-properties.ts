import { randomUUID } from 'node:crypto';
import type { MessageProperties } from '../properties/message-properties.ts';

/**
 * The properties of a message that comes without any: persistent, and named so that a return or a duplicate can be
 * recognised. Messages of other publishers may lack all but `delivery_mode`.
 */
export function defaultProperties(): MessageProperties & { message_id: string } {
  return {
    content_type: 'application/json',
    delivery_mode: 2,
    message_id: randomUUID(),
    timestamp: Math.floor(Date.now() / 1000),
  };
}
