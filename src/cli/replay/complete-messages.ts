import type { NamedMessage } from './pipelined-publish.ts';

/**
 * The `message_id`s of messages that have no properties: a prefix and the place in the file. A message that is sent
 * again by the command that resumes has the same id, so that its reader can recognise it; a file that is replayed twice
 * on purpose gets another prefix.
 */
export class MessageIds {
  readonly prefix: string;
  #place: number;
  #areUsed = false;

  /** @param skipped how many messages of the file come before the first */
  constructor(prefix: string, skipped: number) {
    this.prefix = prefix;
    this.#place = skipped;
  }

  /** Whether any message has needed one. */
  get areUsed(): boolean {
    return this.#areUsed;
  }

  /** Goes on to the next message. */
  advance(): void {
    this.#place++;
  }

  /** The id of this message. */
  use(): string {
    this.#areUsed = true;
    return `${this.prefix}-${this.#place}`;
  }
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
  for await (const { properties: given, ...message } of messages) {
    ids?.advance();
    const properties = given ?? { ...defaultProperties(), ...(ids && { message_id: ids.use() }) };
    yield { ...message, properties: hasHeaders ? withHeaders(properties, headers) : properties };
  }
}
