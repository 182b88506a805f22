import { CommandFailure } from '../command-failure.ts';
import type { Context } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { wrapFor } from '../text/wrap.ts';
import { onSuspend } from './job-control.ts';
import { standardError } from './standard-error.ts';

type Prompts = Pick<typeof import('@inquirer/prompts'), 'confirm' | 'input' | 'password' | 'select'>;

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
 * @throws CommandFailure declined (8) after Ctrl-D, or if the terminal has gone
 */
export async function ask<T>(
  { stop }: Partial<Pick<Context, 'stop'>>,
  question: string,
  show: (prompts: Prompts, where: Where) => Promise<T>,
): Promise<T> {
  // By name, so that the others are not built in.
  const { confirm, input, password, select } = await import('@inquirer/prompts');
  const output = standardError();
  // On suspend, Node's readline has already left raw mode; on resume, it pauses its input for good.
  const release = onSuspend(
    () => process.stdin.setRawMode?.(false),
    () => {
      process.stdin.setRawMode?.(true);
      process.stdin.resume();
      output.write(`${wrapFor(output, question)} `);
    },
  );
  const end = endOfInput();
  try {
    const prompts = { confirm, input, password, select };
    return await show(prompts, {
      output,
      signal: AbortSignal.any([end.signal, ...(stop ? [stop.signal] : [])]),
    });
  } catch (error) {
    if (!end.signal.aborted || stop?.signal.aborted) throw error;
    throw new CommandFailure(ExitCode.declined, 'Declined, as there is no answer; nothing was done');
  } finally {
    release();
    end.release();
    // After that, readline believes its input is paused and would leave it open forever.
    if (process.stdin.isTTY) process.stdin.setRawMode(false).pause();
  }
}

/** Enter means no. */
export function askYesOrNo(context: Partial<Pick<Context, 'stop'>>, message: string): Promise<boolean> {
  return ask(context, `${message} (y/N)`, ({ confirm }, where) =>
    confirm({ message, default: false }, where),
  );
}

/** Whether this text is typed: a yes to what a single key may not confirm. */
export function askToType(
  context: Partial<Pick<Context, 'stop'>>,
  message: string,
  text: string,
): Promise<boolean> {
  return ask(context, message, async ({ input }, where) => (await input({ message }, where)).trim() === text);
}

/** Aborted when the input ends: readline then closes, and the prompt would wait forever. */
function endOfInput(): { signal: AbortSignal; release: () => void } {
  const { stdin } = process;
  const controller = new AbortController();
  const end = () => controller.abort();
  const onEnd = () => {
    // A terminal that has gone cannot leave raw mode, and readline throws what nobody could catch.
    stdin.removeAllListeners('error').on('error', () => {});
    end();
  };
  // Ctrl-D closes readline, which pauses its input, unless there is text on the line.
  const onKey = (_: unknown, key?: { ctrl?: boolean; name?: string }) => {
    if (key?.ctrl && key.name === 'd') setImmediate(() => stdin.isPaused() && end());
  };
  stdin.on('keypress', onKey).on('end', onEnd);
  return { signal: controller.signal, release: () => stdin.off('keypress', onKey).off('end', onEnd) };
}
