/**
 * Wraps a caller's callback so that it may throw or reject without harm: nothing could catch that, and it would end
 * the process.
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
      // Nothing could handle it.
    }
  };
}
