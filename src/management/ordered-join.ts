interface Named {
  name: string;
}

/**
 * Goes through two lists side by side, both in the order of their names as bytes, and puts to each item of the
 * first the one of the second that has its name. No more of them is in memory than has arrived.
 */
export async function* orderedJoin<T extends Named, U extends Named>(
  items: AsyncIterable<T[]>,
  others: AsyncIterable<U[]>,
): AsyncGenerator<{ item: T; other: U | undefined }[], void, undefined> {
  const iterator = others[Symbol.asyncIterator]();
  // Both are asked for at once. A failure of this one is met when its turn comes, if it does.
  let arriving: Promise<IteratorResult<U[]>> | undefined = iterator.next();
  arriving.catch(() => {});
  let arrived: U[] = [];
  let index = 0;
  const current = async (): Promise<U | undefined> => {
    while (index === arrived.length && arriving !== undefined) {
      const { done, value } = await arriving;
      arrived = done ? [] : value;
      index = 0;
      arriving = done ? undefined : iterator.next();
      arriving?.catch(() => {});
    }
    return arrived[index];
  };
  try {
    for await (const some of items) {
      const joined: { item: T; other: U | undefined }[] = [];
      for (const item of some) {
        let other = await current();
        while (other !== undefined && compareBytes(other.name, item.name) < 0) {
          index++;
          other = await current();
        }
        joined.push({ item, other: other?.name === item.name ? other : undefined });
      }
      yield joined;
    }
  } finally {
    await iterator.return?.();
  }
}

function compareBytes(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}
