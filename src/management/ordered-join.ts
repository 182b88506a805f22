interface Named {
  name: string;
}

/**
 * Merges two lists that are sorted by name as bytes, joining to each item of the first the item of the second with
 * the same name. Keeps in memory only what has arrived.
 */
export async function* orderedJoin<T extends Named, U extends Named>(
  items: AsyncIterable<T[]>,
  others: AsyncIterable<U[]>,
): AsyncGenerator<{ item: T; other: U | undefined }[], void, undefined> {
  const iterator = others[Symbol.asyncIterator]();
  // Both are requested at once. A failure of this one surfaces when its turn comes.
  let arriving: Promise<IteratorResult<U[]>> | undefined = iterator.next();
  arriving.catch(() => {});
  let arrived: U[] = [];
  let index = 0;
  const arrive = async (): Promise<void> => {
    while (index === arrived.length && arriving !== undefined) {
      const { done, value } = await arriving;
      arrived = done ? [] : value;
      index = 0;
      arriving = done ? undefined : iterator.next();
      arriving?.catch(() => {});
    }
  };
  try {
    for await (const some of items) {
      const joined: { item: T; other: U | undefined }[] = [];
      for (const item of some) {
        // Awaits a list rather than each item, as there may be very many.
        if (index === arrived.length) await arrive();
        while (isBefore(arrived[index], item)) if (++index === arrived.length) await arrive();
        const other = arrived[index]?.name === item.name ? arrived[index++] : undefined;
        joined.push({ item, other });
      }
      yield joined;
    }
  } finally {
    await iterator.return?.();
  }
}

function isBefore(a: Named | undefined, b: Named): boolean {
  if (a === undefined || a.name === b.name) return false;
  return Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)) < 0;
}
