import { formatDuration } from '../text/durations.ts';
import { formatNumber } from '../text/sizes.ts';
import { wrapFor } from '../text/wrap.ts';
import { onLeavingTerminal } from './job-control.ts';
import { startStallNotice } from './stall-notice.ts';
import { standardError } from './standard-error.ts';

/** The progress of long work and, on a terminal, whether the broker still answers. */
export interface Progress {
  /** Reports the number done; means that the broker has answered. */
  update(done: number): void;
  /** Until the next update, something other than the broker is awaited. */
  pause(): void;
  /** Removes the bar; to be called before anything else is written to stderr. */
  end(): void;
}

/** Smaller amounts of work finish too quickly for a bar. */
const LEAST_TOTAL = 500;

/** Often enough to be seen moving. */
const UPDATE_MS = 100;

export interface ProgressOptions {
  /** The output itself goes to the terminal, where a bar would be in its way. */
  isOutputShown: boolean;
  /** Report on the terminal when nothing has moved for a while. Not for work that is slow on purpose. */
  reportsStalls?: boolean;
}

/**
 * A progress bar on stderr: count, rate and time left. Not shown for short work, without a terminal, or if the output
 * itself goes to that terminal. Optionally reports when the broker does not answer.
 */
export function startProgress(
  total: number,
  { isOutputShown, reportsStalls = false }: ProgressOptions,
): Progress {
  const stderr = standardError();
  const hasBar = total >= LEAST_TOTAL && !isOutputShown && process.env.TERM !== 'dumb' && stderr.isTTY;
  const bar = hasBar ? startBar(total, stderr) : undefined;
  const note = (text: string) => {
    bar?.clear();
    stderr.write(`${wrapFor(stderr, text)}\n`);
    bar?.draw();
  };
  const stall = reportsStalls ? startStallNotice({ note }) : undefined;
  return {
    update(done) {
      stall?.moved();
      bar?.update(done);
    },
    pause: () => stall?.pause(),
    end() {
      stall?.end();
      bar?.end();
    },
  };
}

const CLEAR_LINE_END = '\u001b[K';
const CLEAR_LINE = `\r${CLEAR_LINE_END}`;
const SHOW_CURSOR = '\u001b[?25h';
const HIDE_CURSOR = '\u001b[?25l';

/** The beginning of a long work, such as its preparation, says little about the rest. */
const ESTIMATE_MS = 3_000;

/** The numbers are worth more than the bar. */
const MOST_BAR = 30;
const NUMBERS_WIDTH = 45;

/**
 * The only states of the terminal that it changes are the cursor, and its line: not where lines are broken, nor a saved
 * position, as Ctrl-Z lets others write to the terminal in between.
 */
function startBar(total: number, stream: NodeJS.WriteStream) {
  const start = performance.now();
  let shownAt = start;
  let line = '';
  // The last column stays empty: after it, some terminals begin a new line.
  const draw = () => void stream.write(`\r${line.slice(0, columnsOf(stream) - 1)}${CLEAR_LINE_END}`);
  const show = (done: number, rate: number, left: string) => {
    const size = Math.max(0, Math.min(MOST_BAR, columnsOf(stream) - NUMBERS_WIDTH));
    const full = Math.round((size * Math.min(done, total)) / total);
    const bar = `${'█'.repeat(full)}${'░'.repeat(size - full)}`;
    line = `${bar} ${formatNumber(done)}/${formatNumber(total)}  ${formatNumber(rate)}/s${left}`;
    draw();
  };
  const clear = () => void stream.write(CLEAR_LINE);
  const giveBack = () => void stream.write(`${CLEAR_LINE}${SHOW_CURSOR}`);
  const release = onLeavingTerminal(giveBack, () => {
    stream.write(HIDE_CURSOR);
    draw();
  });
  stream.write(HIDE_CURSOR);
  show(0, 0, '');
  return {
    clear,
    draw,
    update(done: number) {
      const now = performance.now();
      if (now - shownAt < UPDATE_MS) return;
      shownAt = now;
      // The rate since the start, as many confirms arrive in the same millisecond.
      const perSecond = (1000 * done) / (now - start);
      const isKnown = done > 0 && now - start >= ESTIMATE_MS;
      const left = isKnown ? `  ${formatDuration(1000 * Math.ceil((total - done) / perSecond))} left` : '';
      show(done, Math.round(perSecond), left);
    },
    end() {
      release();
      giveBack();
    },
  };
}

/** Some terminals do not say. */
function columnsOf({ columns }: NodeJS.WriteStream): number {
  return columns || 80;
}
