import { formatDuration } from '../durations.ts';
import { standardError } from '../standard-error.ts';

/** How far long work has come. */
export interface Progress {
  update(done: number): void;
  /** Removes the bar; to be called before anything else is written to stderr. */
  end(): void;
}

/** Less than this is done before anybody could read a bar. */
const LEAST_TOTAL = 500;

/** As often as anybody could see it: the bar is drawn every 200 ms. */
const UPDATE_MS = 100;

const NOTHING: Progress = { update: () => {}, end: () => {} };

/**
 * A progress bar on the terminal that stderr is: count, rate and time left. Nothing for short work, without a
 * terminal, and where the output itself runs over that terminal.
 */
export async function startProgress(
  total: number,
  { isOutputShown }: { isOutputShown: boolean },
): Promise<Progress> {
  if (total < LEAST_TOTAL || isOutputShown || process.env.TERM === 'dumb' || !standardError().isTTY)
    return NOTHING;
  const { default: cliProgress } = await import('cli-progress');
  const bar = new cliProgress.SingleBar({
    stream: standardError(),
    format: '{bar} {value}/{total}  {rate}/s  {left} left',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 30,
    fps: 5,
    hideCursor: true,
    clearOnComplete: true,
    // Ours end it, and see to the signal first.
    gracefulExit: false,
  });
  const start = Date.now();
  let shownAt = start;
  bar.start(total, 0, { rate: 0, left: '?' });
  return {
    update: (done) => {
      const now = Date.now();
      if (now - shownAt < UPDATE_MS) return;
      shownAt = now;
      // Since the start: cli-progress looks at its last few updates, and confirms come many in the same millisecond.
      const perSecond = (1000 * done) / (now - start);
      const left = formatDuration(1000 * Math.ceil((total - done) / perSecond));
      bar.update(done, { rate: Math.round(perSecond), left });
    },
    end: () => bar.stop(),
  };
}
