/** Deletes what was added first, until at most `most` entries are left: memory that lives for weeks needs a bound. */
export function forgetOldest<K>(entries: Map<K, unknown> | Set<K>, most: number): void {
  for (const oldest of entries.keys()) {
    if (entries.size <= most) return;
    entries.delete(oldest);
  }
}

/** Sets an entry, as the newest one, and forgets the oldest beyond `most`. */
export function setNewest<K, V>(entries: Map<K, V>, key: K, value: V, most: number): void {
  entries.delete(key);
  entries.set(key, value);
  forgetOldest(entries, most);
}
