import type { Context } from '../context.ts';
import { onSuspend } from './job-control.ts';
import { standardError } from './standard-error.ts';

type Prompts = typeof import('@inquirer/prompts');

/** The second argument of every prompt: where to show it, and what cancels it. */
type Where = { output: NodeJS.WriteStream; signal: AbortSignal };

/** Whether prompts are possible: they go to stderr, and answers come from stdin. */
export function hasTerminal(): boolean {
  return process.stdin.isTTY === true && standardError().isTTY === true;
}

/**
 * Asks on stderr, which keeps stdout free for data. After Ctrl-Z and fg, the prompt is shown again and accepts keys
 * as before.
 * @param question repeated after fg
 * @param show shows the prompt
 */
export async function ask<T>(
  { stop }: Pick<Context, 'stop'>,
  question: string,
  show: (prompts: Prompts, where: Where) => Promise<T>,
): Promise<T> {
  const prompts = await import('@inquirer/prompts');
  const output = standardError();
  // On suspend, Node's readline has already left raw mode; on resume, it pauses its input for good.
  const release = onSuspend(
    () => process.stdin.setRawMode?.(false),
    () => {
      process.stdin.setRawMode?.(true);
      process.stdin.resume();
      output.write(`${question} `);
    },
  );
  try {
    return await show(prompts, { output, signal: stop.signal });
  } finally {
    release();
    // After that, readline believes its input is paused and would leave it open forever.
    if (process.stdin.isTTY) process.stdin.setRawMode(false).pause();
  }
}
