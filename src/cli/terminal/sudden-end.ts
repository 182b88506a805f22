/*
 * Cleanup for a process that ends in the middle of its work: a second Ctrl-C, Ctrl-\, `process.exit`, or an
 * uncaught exception. Only synchronous code still runs.
 */

const actions = new Set<() => void>();

/**
 * Registers an action to run if the process ends before it is unregistered.
 * @param action synchronous; its errors are ignored
 * @returns a function that unregisters it
 */
export function onSuddenEnd(action: () => void): () => void {
  // Before the terminals are left, which closes some.
  if (actions.size === 0) process.prependListener('exit', endSuddenly).on('SIGQUIT', quit);
  actions.add(action);
  return () => {
    actions.delete(action);
    if (actions.size === 0) process.off('exit', endSuddenly).off('SIGQUIT', quit);
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

/** Ctrl-\ asks for the default action, which leaves a core file where the system is set up for that. */
function quit(): void {
  endSuddenly();
  process.off('SIGQUIT', quit);
  process.kill(process.pid, 'SIGQUIT');
}
