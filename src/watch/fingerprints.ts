/*
 * By what a message is known again, in an event and in its queue.
 */
import { createHash } from 'node:crypto';
import type { EnqueuedEvent } from '../events/task-events.ts';
import type { StoredMessage } from '../messages/stored-message.ts';
import { propertyText } from '../properties/typed-values.ts';

/** What an event tells of a message. */
export type Told = Pick<EnqueuedEvent, 'body' | 'bodyBytes' | 'properties'>;

/** By the message id; else by the body, or by its size where that is what the event told. */
export function fingerprint(
  { body, properties }: Pick<StoredMessage, 'body' | 'properties'>,
  known: ReadonlyMap<string, number>,
): string {
  const messageId = propertyText(properties.message_id);
  if (messageId !== undefined) return messageId;
  const [hash, size] = bodyFingerprints(body);
  return !known.has(hash) && known.has(size) ? size : hash;
}

export function fingerprintOfEvent({ body, bodyBytes, properties }: Told): string {
  const messageId = propertyText(properties.message_id);
  if (messageId !== undefined) return messageId;
  return body === undefined ? sizeFingerprint(bodyBytes) : bodyFingerprints(body)[0];
}

/** Of the whole of it, and of its size alone. */
export function bodyFingerprints(body: Buffer): [hash: string, size: string] {
  return [createHash('sha1').update(body).digest('base64'), sizeFingerprint(body.length)];
}

function sizeFingerprint(bytes: number): string {
  return `${bytes} bytes`;
}
