import type { ChalkInstance } from 'chalk';
import Table from 'cli-table3';
import type { TaskQueueInfo } from '../../index.ts';
import { formatDuration } from '../input/durations.ts';
import { safeLine } from '../terminal/terminal-text.ts';
import { type Column, fitColumns, PLAIN_TABLE } from './tables.ts';

/** Widths are fixed, so that the pages of a long list align; the task comes last, as ids are long and whole. */
const COLUMNS = [
  { name: 'READY', width: 10, align: 'right' },
  { name: 'UNACKED', width: 10, align: 'right', givesWay: 6 },
  { name: '~CONS', width: 8, align: 'right', givesWay: 3 },
  { name: '~IDLE', width: 9, align: 'right', givesWay: 4 },
  { name: '~OLDEST', width: 10, align: 'right', givesWay: 1 },
  { name: 'TYPE', width: 9, align: 'left', givesWay: 2 },
  { name: 'STATE', width: 10, align: 'left', givesWay: 5 },
] as const satisfies Column[];

const LEAST_TASK = 12;
/** A UUID and a little. One that is longer goes on in the next line. */
const MOST_TASK = 40;

/** Columns that come from the statistics only where nothing was counted. */
const COUNTED: readonly string[] = ['READY', 'UNACKED'];

export const STATISTICS_NOTE = '~ from the broker’s statistics, up to 10 s old';

export interface QueueTableOptions {
  /** Begin with the names of the columns. */
  hasHead: boolean;
  width: number;
  /** Room to keep for the ids: columns give way to it. See {@link widthOfTasks}. */
  taskWidth: number;
  colors: ChalkInstance;
  now: number;
}

/** So that the ids of these queues stay in one line each where they can: whoever copies one needs all of it. */
export function widthOfTasks(queues: readonly TaskQueueInfo[]): number {
  const longest = queues.reduce((most, { taskId }) => Math.max(most, safeLine(taskId).length), LEAST_TASK);
  return Math.min(longest, MOST_TASK);
}

export function queueTable(
  queues: readonly TaskQueueInfo[],
  { hasHead, width, taskWidth, colors, now }: QueueTableOptions,
): string {
  const { columns } = fitColumns<(typeof COLUMNS)[number]>(COLUMNS, width, taskWidth);
  const isCounted = queues.every((queue) => queue.isCounted);
  const nameOf = (name: string) => (isCounted || !COUNTED.includes(name) ? name : `~${name}`);
  const table = new Table({
    ...PLAIN_TABLE,
    ...(hasHead && {
      head: [...columns.map(({ name }) => nameOf(name)), 'TASK'].map((name) => colors.dim(name)),
    }),
    colWidths: [...columns.map((column) => column.width), null],
    colAligns: [...columns.map(({ align }) => align), 'left'],
  });
  for (const { taskId, ready, unacked, type, state, statistics } of queues) {
    const age = (since: number | undefined) =>
      since === undefined ? '' : formatDuration(Math.max(0, now - since));
    const cells = {
      READY: ready === undefined ? '?' : ready > 0 ? colors.bold(ready) : colors.dim(ready),
      UNACKED: unacked === undefined ? '?' : unacked > 0 ? colors.yellow(unacked) : colors.dim(unacked),
      '~CONS': statistics === undefined ? '' : String(statistics.consumers),
      '~IDLE': age(statistics?.idleSince),
      '~OLDEST': age(statistics?.oldestAt),
      TYPE: type,
      STATE: state === 'running' ? colors.dim(state) : state === 'down' ? colors.red(state) : safeLine(state),
    };
    table.push([...columns.map(({ name }) => cells[name]), safeLine(taskId)]);
  }
  return `${table.toString().replace(/ +$/gm, '')}\n`;
}

/** One line under the table. */
export function totalsLine({ queues, ready, unacked, unknown }: QueueTotals): string {
  const more = unknown > 0 ? `, ${unknown} not counted` : '';
  const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`;
  return `${count(queues, 'task queue')}, ${count(ready, 'message')} ready, ${unacked} unacked${more}`;
}

export interface QueueTotals {
  queues: number;
  ready: number;
  unacked: number;
  /** Queues whose messages the broker has not counted. */
  unknown: number;
}

export function addTotals(totals: QueueTotals, queues: readonly TaskQueueInfo[]): void {
  for (const { ready, unacked } of queues) {
    totals.queues++;
    if (ready === undefined) totals.unknown++;
    totals.ready += ready ?? 0;
    totals.unacked += unacked ?? 0;
  }
}
