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

/** Often enough, as the bar is drawn every 200 ms. */
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
export async function startProgress(
  total: number,
  { isOutputShown, reportsStalls = false }: ProgressOptions,
): Promise<Progress> {
  const stderr = standardError();
  const hasBar = total >= LEAST_TOTAL && !isOutputShown && process.env.TERM !== 'dumb' && stderr.isTTY;
  const bar = hasBar ? await startBar(total, stderr) : undefined;
  const note = (text: string) => void stderr.write(`${wrapFor(stderr, text)}\n`);
  const stall = reportsStalls ? startStallNotice({ note }, () => bar?.clear()) : undefined;
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

const CLEAR_LINE = '\r\u001b[K';
const SHOW_CURSOR = '\u001b[?25h';
const HIDE_CURSOR = '\u001b[?25l';

/** The beginning of a long work, such as its preparation, says little about the rest. */
const ESTIMATE_MS = 3_000;

/** The numbers are worth more than the bar. */
const MOST_BAR = 30;
const NUMBERS_WIDTH = 45;

async function startBar(total: number, stream: NodeJS.WriteStream) {
  const { default: cliProgress } = await import('cli-progress');
  const bar = new cliProgress.SingleBar({
    stream,
    format: '{bar} {value}/{total}  {rate}/s{left}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: Math.max(0, Math.min(MOST_BAR, stream.columns - NUMBERS_WIDTH)),
    formatValue: (value, _options, type) => (type === 'percentage' ? `${value}` : formatNumber(value)),
    fps: 5,
    hideCursor: true,
    clearOnComplete: true,
    // Our own handlers end it, after they have handled the signal.
    gracefulExit: false,
  });
  const start = performance.now();
  let shownAt = start;
  bar.start(total, 0, { rate: 0, left: '' });
  const clear = () => void stream.write(CLEAR_LINE);
  const release = onLeavingTerminal(
    () => void stream.write(`${CLEAR_LINE}${SHOW_CURSOR}`),
    () => void stream.write(HIDE_CURSOR),
  );
  return {
    clear,
    update(done: number) {
      const now = performance.now();
      if (now - shownAt < UPDATE_MS) return;
      shownAt = now;
      // The rate since the start: cli-progress averages only its last few updates, but many confirms arrive in the
      // same millisecond.
      const perSecond = (1000 * done) / (now - start);
      const isKnown = done > 0 && now - start >= ESTIMATE_MS;
      const left = isKnown ? `  ${formatDuration(1000 * Math.ceil((total - done) / perSecond))} left` : '';
      bar.update(done, { rate: formatNumber(Math.round(perSecond)), left });
    },
    end() {
      release();
      bar.stop();
    },
  };
}
