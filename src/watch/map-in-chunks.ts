/** Tasks that are looked at together: some round trips each, on channels side by side. */
const AT_ONCE = 16;

/**
 * Looks at tasks, some at a time, in order.
 *
 * @param tasks
 * @param look
 * @param signal ends it; those that are being looked at go on
 */
export async function mapInChunks<T, Result>(
  tasks: readonly T[],
  look: (task: T) => Promise<Result>,
  signal: AbortSignal,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < tasks.length && !signal.aborted; start += AT_ONCE)
    results.push(...(await Promise.all(tasks.slice(start, start + AT_ONCE).map(look))));
  return results;
}
