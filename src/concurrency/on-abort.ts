/** What waits for a signal, called by a single listener: Node 20 warns of more than ten. */
const waiting = new WeakMap<AbortSignal, { callbacks: Set<() => void>; listener: () => void }>();

/**
 * Calls `callback` when the signal is aborted, but not if it already is. Any number of waits may share a signal.
 * @returns how to stop listening
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined) return () => {};
  const { callbacks, listener } = waiting.get(signal) ?? listen(signal);
  callbacks.add(callback);
  return () => {
    if (!callbacks.delete(callback) || callbacks.size > 0) return;
    signal.removeEventListener('abort', listener);
    waiting.delete(signal);
  };
}

function listen(signal: AbortSignal) {
  const callbacks = new Set<() => void>();
  const listener = () => {
    for (const callback of [...callbacks]) callback();
  };
  const entry = { callbacks, listener };
  signal.addEventListener('abort', listener, { once: true });
  waiting.set(signal, entry);
  return entry;
}
