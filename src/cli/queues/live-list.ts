import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskQueueInfo } from '../../index.ts';
import { CommandFailure } from '../command-failure.ts';
import type { Context } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { formatDuration } from '../input/durations.ts';
import {
  addTotals,
  type QueueTotals,
  queueTable,
  STATISTICS_NOTE,
  totalsLine,
  widthOfTasks,
} from '../output/queue-table.ts';
import { terminalWidth } from '../output/tables.ts';
import { colorsFor } from '../terminal/colors.ts';
import { LiveView } from '../terminal/live-view.ts';
import { safeLine } from '../terminal/terminal-text.ts';

export interface WatchQueuesOptions {
  /** Lists the queues to show, anew each time. */
  list: () => AsyncIterable<TaskQueueInfo[]>;
  intervalMs: number;
  /** What is listed, for the head line. */
  title: string;
}

interface Snapshot {
  at: number;
  queues: TaskQueueInfo[];
  totals: QueueTotals;
}

/** `ls --watch`: the list, drawn anew every interval and when the terminal changes its size, until Ctrl-C. */
export async function watchQueues(context: Context, options: WatchQueuesOptions): Promise<void> {
  const { list, intervalMs, title } = options;
  const { settings, stop } = context;
  if (process.stdout.isTTY !== true) {
    throw new CommandFailure(ExitCode.usage, 'ls --watch needs a terminal', {
      hint: 'Without --watch the list goes into a file or pipe.',
    });
  }
  const view = new LiveView(process.stdout);
  const colors = colorsFor(process.stdout, settings);
  let last: Snapshot | undefined;
  let previous: Snapshot | undefined;
  let trouble: string | undefined;
  const draw = () => {
    const head = `${new Date().toLocaleTimeString()}  every ${formatDuration(intervalMs)}  ${safeLine(title)}`;
    const lines = [`${colors.bold('mcp-taskq ls')}  ${colors.dim(head)}`];
    if (trouble !== undefined) lines.push(colors.red(safeLine(trouble)));
    if (last !== undefined) {
      lines.push(`${totalsLine(last.totals)}${rateOf(last, previous)}`, '');
      const room = Math.max(1, view.rows - lines.length - 2);
      const shown = last.queues.slice(0, room);
      const rows = queueTable(shown, {
        hasHead: true,
        taskWidth: widthOfTasks(shown),
        // Two before it say what has changed.
        width: terminalWidth() - 2,
        colors,
        now: Date.now(),
      });
      const [titles = '', ...body] = rows.trimEnd().split('\n');
      lines.push(`  ${titles}`, ...body.map((line, index) => `${markOf(last, previous, index)} ${line}`));
      const more = last.queues.length - room;
      lines.push(colors.dim(`${more > 0 ? `${more} more   ` : ''}${STATISTICS_NOTE}   Ctrl-C ends`));
    }
    view.draw(lines);
  };
  const markOf = (now: Snapshot | undefined, before: Snapshot | undefined, index: number) => {
    const info = now?.queues[index];
    if (info === undefined || before === undefined) return ' ';
    const old = before.queues.find(({ taskId }) => taskId === info.taskId);
    const change = (info.ready ?? 0) - (old?.ready ?? 0);
    return change > 0 ? colors.green('▲') : change < 0 ? colors.red('▼') : ' ';
  };
  process.stdout.on('resize', draw);
  try {
    while (!stop.signal.aborted) {
      try {
        const snapshot = await stop.race(take(list()));
        previous = last;
        last = snapshot;
        trouble = undefined;
      } catch (error) {
        if (stop.signal.aborted) break;
        // At the start it is a mistake to be told of; later the broker may come back.
        if (last === undefined) throw error;
        trouble = (error as Error).message;
      }
      draw();
      await sleep(intervalMs, undefined, { signal: stop.signal }).catch(() => {});
    }
  } finally {
    process.stdout.off('resize', draw);
    view.close();
  }
  const { reason } = stop.signal;
  // Ctrl-C is how it ends.
  if (!(reason instanceof CommandFailure && reason.exitCode === ExitCode.interrupted)) throw reason;
}

async function take(pages: AsyncIterable<TaskQueueInfo[]>): Promise<Snapshot> {
  const snapshot: Snapshot = {
    at: Date.now(),
    queues: [],
    totals: { queues: 0, ready: 0, unacked: 0, unknown: 0 },
  };
  for await (const page of pages) {
    snapshot.queues.push(...page);
    addTotals(snapshot.totals, page);
  }
  return snapshot;
}

/** How the messages that are ready have changed, a second. */
function rateOf(now: Snapshot, before: Snapshot | undefined): string {
  if (before === undefined) return '';
  const perSecond = ((now.totals.ready - before.totals.ready) * 1000) / (now.at - before.at);
  return `   ${perSecond > 0 ? '+' : ''}${perSecond.toFixed(1)} ready/s`;
}
