/*
 * The last moment of a process that ends in the middle of its work: a second Ctrl-C, `process.exit`, an exception that
 * nobody caught. Only what is synchronous still happens.
 */

const actions = new Set<() => void>();

/**
 * Has something done if the process ends before it is called off.
 * @param action synchronous; what it throws is ignored
 * @returns calls it off
 */
export function onSuddenEnd(action: () => void): () => void {
  if (actions.size === 0) process.on('exit', endSuddenly);
  actions.add(action);
  return () => {
    actions.delete(action);
    if (actions.size === 0) process.off('exit', endSuddenly);
  };
}

/** Does all of it now, latest first: whoever calls this ends the process next, by a signal that runs nothing. */
export function endSuddenly(): void {
  for (const action of [...actions].reverse()) {
    try {
      action();
    } catch {
      // The process ends whatever comes of it.
    }
  }
  actions.clear();
}
