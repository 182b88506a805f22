import { JsonScanner } from '../messages/json-scanner.ts';

/** The text is not that of a JSON array. */
export class NoArrayError extends Error {}

/**
 * Parses the items of a JSON array as its text arrives, so that the whole is never in memory.
 * @throws NoArrayError; SyntaxError when an item is not JSON, or the text ends early
 */
export async function* jsonItems<T>(chunks: AsyncIterable<Buffer>): AsyncGenerator<T[], void, undefined> {
  const scanner = new JsonScanner();
  let isArray = false;
  for await (const chunk of chunks) {
    if (!isArray) {
      const start = chunk.toString('latin1').trimStart();
      isArray = start.startsWith('[');
      if (!isArray && start !== '') throw new NoArrayError();
    }
    const items = scanner.scan(chunk).map(({ text }): T => JSON.parse(text.toString()));
    if (items.length > 0) yield items;
  }
  if (!isArray || scanner.end() !== undefined) throw new SyntaxError('The JSON ends early');
}
