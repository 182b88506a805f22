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
  let isArray: boolean | undefined;
  parser.onError = (error) => {
    failure ??= new SyntaxError(error.message, { cause: error });
  };
  for await (const chunk of chunks) {
    parser.write(chunk);
    if (failure) throw failure;
    isArray ??= startsArray(chunk);
    if (isArray === false) throw new NoArrayError();
    if (items.length === 0) continue;
    yield items;
    items = [];
  }
  if (!parser.isEnded) throw new SyntaxError('The JSON ends early');
}

/** Undefined as long as there is only white space. */
function startsArray(chunk: Buffer): boolean | undefined {
  const [first] = chunk.toString('latin1').trimStart();
  return first === undefined ? undefined : first === '[';
}
