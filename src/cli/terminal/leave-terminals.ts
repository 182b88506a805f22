import { closeSync, fstatSync, readFileSync } from 'node:fs';
import { isatty } from 'node:tty';

/**
 * For the end of the process, when Node sets its terminals to what they were at its start. That is wrong where others have
 * changed them: the shell after `&`, or less behind a pipe, which may have begun first. Where a terminal has been closed,
 * Node 20 aborts and leaves a core file. It does nothing to what is closed.
 */
export function leaveTerminals(): void {
  if (isatty(1) && isInForeground()) return;
  for (const fd of [0, 1, 2]) {
    try {
      if (fstatSync(fd).isCharacterDevice()) closeSync(fd);
    } catch {
      // Closed already.
    }
  }
}

/** True where the system does not say. */
function isInForeground(): boolean {
  try {
    const status = readFileSync('/proc/self/stat', 'utf8');
    // After the name of the program, which may contain anything.
    const [, , group, , , foreground] = status.slice(status.lastIndexOf(')') + 2).split(' ');
    return group === foreground;
  } catch {
    return true;
  }
}
