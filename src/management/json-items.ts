/** The text is JSON, but no array. */
export class NoArrayError extends SyntaxError {}

/**
 * Parses the items of a JSON array as its text arrives, so that the whole is never in memory.
 * @throws NoArrayError; SyntaxError when the text is not JSON, or ends early
 */
export async function* jsonItems<T>(chunks: AsyncIterable<Buffer>): AsyncGenerator<T[], void, undefined> {
  // Loaded here, as only long answers need it.
  const { JSONParser } = await import('@streamparser/json');
  const parser = new JSONParser({ paths: ['$.*'], keepStack: false });
  let items: T[] = [];
  let failure: Error | undefined;
  parser.onValue = ({ value, key }) => {
    if (typeof key === 'number') items.push(value as T);
    else failure ??= new NoArrayError();
  };
  parser.onError = (error) => {
    failure ??= new SyntaxError(error.message, { cause: error });
  };
  for await (const chunk of chunks) {
    parser.write(chunk);
    if (failure) throw failure;
    if (items.length === 0) continue;
    yield items;
    items = [];
  }
  if (!parser.isEnded) throw new SyntaxError('The JSON ends early');
}
