import type { StoredMessage } from '../../messages/stored-message.ts';
import { readPropertyList } from '../../properties/property-list.ts';
import { propertyListIn } from '../connection/raw-frames.ts';

/** A message of amqplib's, got or delivered. */
export interface Delivery {
  content: Buffer;
  properties: object;
  fields: { redelivered: boolean };
}

export function toStoredMessage(taskId: string, delivery: Delivery): StoredMessage {
  const { content, fields } = delivery;
  return {
    taskId,
    redelivered: fields.redelivered,
    ...readPropertyList(propertyListIn(delivery)),
    body: content,
  };
}
