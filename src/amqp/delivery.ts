import type { GetMessage } from 'amqplib';
import type { StoredMessage } from '../wire/stored-message.ts';
import { fromAmqplib } from './properties.ts';

/** A message of amqplib's, got or delivered. */
export type Delivery = Pick<GetMessage, 'content' | 'properties'> & { fields: { redelivered: boolean } };

export function toStoredMessage(taskId: string, { content, fields, properties }: Delivery): StoredMessage {
  return { taskId, redelivered: fields.redelivered, properties: fromAmqplib(properties), body: content };
}
