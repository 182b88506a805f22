import { onLeavingTerminal } from './job-control.ts';

/** The actions of keys in a live view. */
export type Key = 'quit' | 'up' | 'down' | 'pageUp' | 'pageDown' | 'first' | 'last';

/** The sequences that terminals send, and the letters that pagers use. */
const KEYS: Readonly<Record<string, Key>> = {
  q: 'quit',
  Q: 'quit',
  '\u001b[A': 'up',
  '\u001bOA': 'up',
  k: 'up',
  '\u001b[B': 'down',
  '\u001bOB': 'down',
  j: 'down',
  '\r': 'down',
  '\u001b[5~': 'pageUp',
  b: 'pageUp',
  '\u001b[6~': 'pageDown',
  ' ': 'pageDown',
  '\u001b[H': 'first',
  '\u001bOH': 'first',
  '\u001b[1~': 'first',
  g: 'first',
  '\u001b[F': 'last',
  '\u001bOF': 'last',
  '\u001b[4~': 'last',
  G: 'last',
};

/** In raw mode a terminal sends these as characters. */
const SIGNALS: Readonly<Record<string, NodeJS.Signals>> = { '\u0003': 'SIGINT', '\u001a': 'SIGTSTP' };

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const SEQUENCE = /\u001b[[O][\d;]*[A-Za-z~]|[\s\S]/gu;

/**
 * Calls `onKey` for each key pressed, if stdin is a terminal.
 * @returns a function that stops listening and restores the terminal
 */
export function listenForKeys(onKey: (key: Key) => void): () => void {
  const { stdin } = process;
  if (!stdin.isTTY) return () => {};
  const onData = (data: Buffer) => {
    for (const [sequence] of data.toString().matchAll(SEQUENCE)) {
      const signal = SIGNALS[sequence];
      if (signal !== undefined) process.kill(process.pid, signal);
      const key = KEYS[sequence];
      if (key !== undefined) onKey(key);
    }
  };
  const giveBack = () => void stdin.setRawMode(false);
  const take = () => void stdin.setRawMode(true).resume();
  const release = onLeavingTerminal(giveBack, take);
  stdin.on('data', onData);
  take();
  return () => {
    release();
    stdin.off('data', onData);
    giveBack();
    stdin.pause();
  };
}
