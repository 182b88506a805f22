/*
 * Cleanup for a process that ends in the middle of its work: a second Ctrl-C, `process.exit`, or an uncaught
 * exception. Only synchronous code still runs.
 */

const actions = new Set<() => void>();

/**
 * Registers an action to run if the process ends before it is unregistered.
 * @param action synchronous; its errors are ignored
 * @returns a function that unregisters it
 */
export function onSuddenEnd(action: () => void): () => void {
  if (actions.size === 0) process.on('exit', endSuddenly);
  actions.add(action);
  return () => {
    actions.delete(action);
    if (actions.size === 0) process.off('exit', endSuddenly);
  };
}

/**
 * Runs all actions now, latest first. The caller then ends the process by a signal, which does not run exit
 * handlers.
 */
export function endSuddenly(): void {
  for (const action of [...actions].reverse()) {
    try {
      action();
    } catch {
      // The process ends anyway.
    }
  }
  actions.clear();
}
