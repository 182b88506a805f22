/** Deletes what was added first, until at most `most` entries are left: memory that lives for weeks needs a bound. */
export function forgetOldest<K>(entries: Map<K, unknown> | Set<K>, most: number): void {
  for (const oldest of entries.keys()) {
    if (entries.size <= most) return;
    entries.delete(oldest);
  }
}
