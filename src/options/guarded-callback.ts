/**
 * A callback of the caller's that may throw or reject without harm: nobody could catch it, and it would end the
 * process.
 */
export function guarded<Arguments extends unknown[]>(
  callback: (...args: Arguments) => unknown,
): (...args: Arguments) => void {
  return (...args) => {
    try {
      const result = callback(...args);
      // Also a promise of another realm, or of a library.
      if (result !== undefined) Promise.resolve(result).catch(() => {});
    } catch {
      // Nobody could handle it.
    }
  };
}
