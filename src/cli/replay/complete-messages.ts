import type { NamedMessage } from './pipelined-publish.ts';

/**
 * The `message_id`s of messages that have no properties: a prefix and the place in the file. A message that is sent
 * again by the command that resumes has the same id, so that its reader can recognise it; a file that is replayed twice
 * on purpose gets another prefix.
 */
export interface MessageIds {
  prefix: string;
  /** How many messages of the file come before the first. */
  skipped: number;
  /** Set once a message has needed one. */
  areUsed: boolean;
}

/**
 * Messages with all their properties and these headers.
 * @param ids for those of a file; without it, an id is a UUID
 */
export async function* completed(
  messages: Iterable<NamedMessage> | AsyncIterable<NamedMessage>,
  headers: { [name: string]: string },
  ids: MessageIds | undefined,
): AsyncGenerator<NamedMessage> {
  const { defaultProperties } = await import('../../index.ts');
  const { withHeaders } = await import('../../cli-support.ts');
  const hasHeaders = Object.keys(headers).length > 0;
  let place = ids?.skipped ?? 0;
  for await (const message of messages) {
    const { properties: given } = message;
    place++;
    if (ids && given === undefined) ids.areUsed = true;
    const properties = given ?? {
      ...defaultProperties(),
      ...(ids && { message_id: `${ids.prefix}-${place}` }),
    };
    yield { ...message, properties: hasHeaders ? withHeaders(properties, headers) : properties };
  }
}
