import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskQueueInfo } from '../../index.ts';
import type { Context } from '../context.ts';
import { ExitCode, getExitCode } from '../exit-codes.ts';
import { drawQueues, type LiveQueues, withRecent } from '../output/live-queues.ts';
import { QueueTotals } from '../output/queue-totals.ts';
import { colorsFor } from '../terminal/colors.ts';
import { type Key, listenForKeys } from '../terminal/keys.ts';
import { LiveView } from '../terminal/live-view.ts';
import { raceWith } from '../terminal/stop.ts';
import { terminalWidth } from '../terminal/terminal-width.ts';
import { UsageFailure } from '../usage-failure.ts';
import { LeftOut } from './queue-selection.ts';

export interface WatchQueuesOptions extends Pick<LiveQueues, 'title' | 'intervalMs' | 'sort' | 'showsIdle'> {
  /** Lists the queues to show, at each refresh, until the signal is aborted. */
  list: (signal: AbortSignal, leftOut: LeftOut) => AsyncIterable<TaskQueueInfo[]>;
}

/** How often a list that does not come is reported anew. */
const STALL_REFRESH_MS = 1_000;

/** `ls --watch`: redraws the list at every interval, key press and change of the terminal size, until q or Ctrl-C. */
export async function watchQueues(context: Context, { list, ...options }: WatchQueuesOptions): Promise<void> {
  const { settings, stop } = context;
  if (process.stdout.isTTY !== true) {
    throw new UsageFailure(
      'ls --watch needs a terminal',
      'To write the list to a file or pipe, omit --watch.',
    );
  }
  if (process.env.TERM === 'dumb') {
    throw new UsageFailure(
      'ls --watch cannot redraw the screen of this terminal (TERM=dumb)',
      'To print the list once, omit --watch.',
    );
  }
  const view = new LiveView(process.stdout);
  const colors = colorsFor(process.stdout, settings);
  const shown: LiveQueues = { ...options, offset: 0, last: undefined, previous: undefined, recent: [] };
  const quit = new AbortController();
  const draw = () => {
    const size = { rows: view.rows, columns: terminalWidth() };
    const { lines, page, mostOffset } = drawQueues(shown, size, { colors, isWide: settings.isWide });
    shown.page = page;
    shown.mostOffset = mostOffset;
    view.draw(lines);
  };
  const onKey = (key: Key) => {
    if (key === 'quit') return quit.abort();
    scroll(shown, key);
    draw();
  };
  process.stdout.on('resize', draw);
  const releaseKeys = listenForKeys(onKey);
  const ended = AbortSignal.any([stop.signal, quit.signal]);
  try {
    draw();
    while (!ended.aborted) {
      const stalled = setInterval(() => {
        // Counted in these steps, as a suspension is not a wait.
        shown.waitingMs = (shown.waitingMs ?? 0) + STALL_REFRESH_MS;
        draw();
      }, STALL_REFRESH_MS);
      try {
        const leftOut = new LeftOut();
        const snapshot = await raceWith(ended, snapshotOf(list(ended, leftOut)));
        snapshot.totals.beyondLimit = leftOut.beyondLimit;
        shown.previous = shown.last;
        shown.last = snapshot;
        shown.recent = withRecent(shown.recent, snapshot);
        shown.trouble = undefined;
      } catch (error) {
        if (ended.aborted) break;
        // A failure of the first list ends the command; later, the broker may come back.
        if (shown.last === undefined) throw error;
        shown.trouble = (error as Error).message;
      } finally {
        clearInterval(stalled);
        shown.waitingMs = 0;
      }
      draw();
      await sleep(shown.intervalMs, undefined, { signal: ended }).catch(() => {});
    }
  } finally {
    releaseKeys();
    process.stdout.off('resize', draw);
    view.close();
  }
  if (quit.signal.aborted) return;
  // Ctrl-C is a normal end too.
  if (getExitCode(stop.signal.reason) !== ExitCode.interrupted) throw stop.signal.reason;
}

function scroll(shown: LiveQueues, key: Exclude<Key, 'quit'>): void {
  const { page = 1, mostOffset = 0, offset } = shown;
  const targets = {
    up: offset - 1,
    down: offset + 1,
    pageUp: offset - page,
    pageDown: offset + page,
    first: 0,
    last: mostOffset,
  };
  shown.offset = Math.max(0, Math.min(mostOffset, targets[key]));
}

async function snapshotOf(pages: AsyncIterable<TaskQueueInfo[]>): Promise<NonNullable<LiveQueues['last']>> {
  const snapshot = {
    at: Date.now(),
    queues: [] as TaskQueueInfo[],
    totals: new QueueTotals(),
  };
  for await (const page of pages) {
    for (const queue of page) snapshot.queues.push(queue);
    snapshot.totals.add(page);
  }
  return snapshot;
}
