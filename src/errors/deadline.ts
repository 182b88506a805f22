/**
 * The outcome of `work`, or the rejection made by `onTimeout` when it has none after `timeoutMs`. The work
 * itself goes on; what it settles to later is ignored.
 */
export function withDeadline<T>(work: Promise<T>, timeoutMs: number, onTimeout: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(onTimeout()), timeoutMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Resolves when the work has settled, to whatever, or when the time is up. */
export async function settledWithin(work: Promise<unknown>, timeoutMs: number): Promise<void> {
  await withDeadline(work, timeoutMs, () => new Error('late')).catch(() => {});
}
