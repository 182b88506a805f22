import type { Context } from '../context.ts';
import { onSuspend } from './job-control.ts';
import { standardError } from './standard-error.ts';

type Prompts = typeof import('@inquirer/prompts');

/** Where a prompt is shown, and what ends it: for each prompt as its second argument. */
type Where = { output: NodeJS.WriteStream; signal: AbortSignal };

/** True when there is somebody to ask: prompts go to stderr, and answers come from stdin. */
export function hasTerminal(): boolean {
  return process.stdin.isTTY === true && standardError().isTTY === true;
}

/**
 * Asks on stderr, so that stdout stays free for data. After Ctrl-Z and fg the prompt is shown again and takes keys as
 * before.
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
  // Node's readline has switched the terminal to its line mode by then, and pauses its input for good when it goes on.
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
    // Readline takes its input for paused since then, and would leave it open for ever.
    if (process.stdin.isTTY) process.stdin.setRawMode(false).pause();
  }
}
