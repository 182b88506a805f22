import { createHash } from 'node:crypto';
import type { EnqueuedEvent } from '../events/task-events.ts';
import { propertyText } from '../properties/typed-values.ts';

/**
 * How a message is recognised, in an event and in its queue: by its message id, else by its body; `undefined` for an event
 * that has neither.
 */
export function keyOf({
  body,
  properties: { message_id },
}: Pick<EnqueuedEvent, 'body' | 'properties'>): string | undefined {
  const id = propertyText(message_id);
  if (id !== undefined) return keyOfId(id);
  return body && `body ${createHash('sha1').update(body).digest('base64')}`;
}

export function keyOfId(messageId: string): string {
  return `id ${messageId}`;
}

export function isOfId(key: string): boolean {
  return key.startsWith('id ');
}
