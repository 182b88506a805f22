/** Listens once to each signal, however many waits share it: Node warns of more than ten listeners. */
export class AbortListeners {
  readonly #bySignal = new Map<AbortSignal, { callbacks: Set<() => void>; listener: () => void }>();

  /** @returns how to stop listening */
  add(signal: AbortSignal | undefined, callback: () => void): () => void {
    if (signal === undefined) return () => {};
    const entry = this.#bySignal.get(signal) ?? this.#listen(signal);
    entry.callbacks.add(callback);
    return () => {
      entry.callbacks.delete(callback);
      if (entry.callbacks.size > 0) return;
      signal.removeEventListener('abort', entry.listener);
      this.#bySignal.delete(signal);
    };
  }

  #listen(signal: AbortSignal) {
    const callbacks = new Set<() => void>();
    const listener = () => {
      for (const callback of [...callbacks]) callback();
    };
    const entry = { callbacks, listener };
    signal.addEventListener('abort', listener);
    this.#bySignal.set(signal, entry);
    return entry;
  }
}
