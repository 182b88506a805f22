/*
 * Ctrl-Z and fg. Whatever has the terminal in a state of its own gives it back before the process is stopped, and takes it
 * again when it goes on.
 */

interface Suspension {
  suspend: () => void;
  resume: () => void;
}

const suspensions = new Set<Suspension>();

/**
 * @param suspend called before the process is stopped; synchronous
 * @param resume called when it goes on
 * @returns ends this
 */
export function onSuspend(suspend: () => void, resume: () => void): () => void {
  const suspension = { suspend, resume };
  if (suspensions.size === 0) process.on('SIGTSTP', stopHere);
  suspensions.add(suspension);
  return () => {
    suspensions.delete(suspension);
    if (suspensions.size === 0) process.off('SIGTSTP', stopHere);
  };
}

function stopHere(): void {
  const stopped = [...suspensions].reverse();
  for (const { suspend } of stopped) suspend();
  // Not SIGTSTP again: a process without a shell that could continue it would ignore that.
  process.once('SIGCONT', () => {
    for (const { resume } of stopped.reverse()) resume();
  });
  process.kill(process.pid, 'SIGSTOP');
}
