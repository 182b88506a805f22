/** Number of tasks that are asked about concurrently. */
const AT_ONCE = 8;

/** Does something for each task, for a few of them at once, until the signal is aborted. */
export async function forEachAtOnce<T>(
  tasks: readonly T[],
  signal: AbortSignal,
  work: (task: T) => Promise<void>,
): Promise<void> {
  const waiting = tasks.values();
  const worker = async () => {
    for (const task of waiting) {
      signal.throwIfAborted();
      await work(task);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
