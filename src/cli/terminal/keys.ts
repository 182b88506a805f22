import { emitKeypressEvents, type Key as Keypress } from 'node:readline';
import { onLeavingTerminal } from './job-control.ts';

/** The actions of keys in a live view. */
export type Key = 'quit' | 'up' | 'down' | 'pageUp' | 'pageDown' | 'first' | 'last';

/** By Node's names of keys, with the letters that pagers use. */
const KEYS: Readonly<Record<string, Key>> = {
  q: 'quit',
  up: 'up',
  k: 'up',
  down: 'down',
  j: 'down',
  return: 'down',
  pageup: 'pageUp',
  b: 'pageUp',
  pagedown: 'pageDown',
  space: 'pageDown',
  home: 'first',
  end: 'last',
};

/** In raw mode a terminal sends these as characters. */
const SIGNALS: Readonly<Record<string, NodeJS.Signals>> = { c: 'SIGINT', z: 'SIGTSTP' };

/**
 * Calls `onKey` for each key pressed, if stdin is a terminal.
 * @returns a function that stops listening and restores the terminal
 */
export function listenForKeys(onKey: (key: Key) => void): () => void {
  const { stdin } = process;
  if (!stdin.isTTY) return () => {};
  const onKeypress = (_: unknown, { name = '', ctrl, meta, shift }: Keypress) => {
    const signal = ctrl ? SIGNALS[name] : undefined;
    if (signal !== undefined) process.kill(process.pid, signal);
    const key = name === 'g' ? (shift ? 'last' : 'first') : KEYS[name];
    if (key !== undefined && !ctrl && !meta) onKey(key);
  };
  const giveBack = () => void stdin.setRawMode(false);
  const take = () => void stdin.setRawMode(true).resume();
  const release = onLeavingTerminal(giveBack, take);
  emitKeypressEvents(stdin);
  stdin.on('keypress', onKeypress);
  take();
  return () => {
    release();
    stdin.off('keypress', onKeypress);
    giveBack();
    stdin.pause();
  };
}
