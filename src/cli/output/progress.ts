import { standardError } from '../standard-error.ts';

/** How far long work has come. */
export interface Progress {
  update(done: number): void;
  /** Removes the bar; to be called before anything else is written to stderr. */
  end(): void;
}

/** Less than this is done before anybody could read a bar. */
const LEAST_TOTAL = 500;

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
    format: '{bar} {value}/{total}  {rate}/s  {eta_formatted} left',
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
  bar.start(total, 0, { rate: 0 });
  return {
    update: (done) => bar.update(done, { rate: Math.round((1000 * done) / Math.max(1, Date.now() - start)) }),
    end: () => bar.stop(),
  };
}
