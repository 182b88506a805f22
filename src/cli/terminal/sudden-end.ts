import { constants } from 'node:os';

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

/** Runs all actions now, latest first: a signal that ends the process does not run exit handlers. */
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

/**
 * Ends the process by the default action of a signal, so that its parent process sees that. No listener for the signal may
 * be left.
 */
export function endBySignal(name: NodeJS.Signals): never {
  endSuddenly();
  process.kill(process.pid, name);
  // The first process of a container has no default actions. It must not go on either: what is cleaned up would be missing.
  process.exit(128 + constants.signals[name]);
}

/** Ctrl-\ asks for the default action, which leaves a core file where the system is set up for that. */
function quit(): void {
  process.off('SIGQUIT', quit);
  endBySignal('SIGQUIT');
}
