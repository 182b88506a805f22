import { onSuddenEnd } from './sudden-end.ts';

/*
 * Ctrl-Z and fg. Code that has changed the terminal's state restores it before the process is suspended, and changes
 * it again on resume.
 */

interface Suspension {
  suspend: () => void;
  resume: () => void;
}

const suspensions = new Set<Suspension>();

/**
 * @param suspend called before the process is suspended; synchronous
 * @param resume called when it resumes
 * @returns a function that unregisters both
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

/**
 * For code that has changed the terminal's state.
 * @param giveBack undoes that, before the process is suspended or ends suddenly; synchronous
 * @param take does it again, when the process resumes
 * @returns a function that unregisters both
 */
export function onLeavingTerminal(giveBack: () => void, take: () => void): () => void {
  const releases = [onSuspend(giveBack, take), onSuddenEnd(giveBack)];
  return () => {
    for (const release of releases) release();
  };
}

function stopHere(): void {
  // Linux does not stop the first process of a container.
  if (process.pid === 1) return;
  const stopped = [...suspensions].reverse();
  for (const { suspend } of stopped) suspend();
  // Not SIGTSTP again: a process without a job-control shell would ignore it.
  process.once('SIGCONT', () => {
    for (const { resume } of stopped.reverse()) resume();
  });
  process.kill(process.pid, 'SIGSTOP');
}
