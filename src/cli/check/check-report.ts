import type { ChalkInstance } from 'chalk';
import { formatDuration } from '../text/durations.ts';
import { formatCount, formatNumber } from '../text/sizes.ts';
import { jsonLine, safeId, safeLine } from '../text/terminal-text.ts';
import { wrapFor } from '../text/wrap.ts';
import { CheckStatus, type Evaluation, type Threshold, type Thresholds } from './evaluate.ts';
import type { TaskMeasure } from './survey-tasks.ts';

export const CHECK_FORMATS = ['text', 'json', 'prometheus'] as const;

export type CheckFormat = (typeof CHECK_FORMATS)[number];

export interface CheckReportOptions {
  thresholds: Thresholds;
  pattern: string | undefined;
  colors: ChalkInstance;
}

const NAMES = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'] as const;

const SHOWN_TASKS = 10;

/** The result of a check in one of its output formats. */
export function reportCheck(format: CheckFormat, found: Evaluation, options: CheckReportOptions): string {
  switch (format) {
    case 'text':
      // A monitoring system gets it line by line; a terminal is read by a person.
      return wrapFor(process.stdout, textReport(found, options));
    case 'json':
      return `${jsonLine(checkRecord(found, options))}\n`;
    case 'prometheus':
      return prometheusReport(found, options);
  }
}

/** The report, in the same format, that the check failed to run. */
export function reportUnknown(format: CheckFormat, message: string, pattern: string | undefined): string {
  switch (format) {
    case 'text':
      return wrapFor(process.stdout, `TASKQ UNKNOWN - ${withoutBars(safeLine(message))}\n`);
    case 'json':
      return `${jsonLine({ status: 'unknown', code: CheckStatus.unknown, error: message })}\n`;
    case 'prometheus':
      return metrics([[...STATUS_METRIC, CheckStatus.unknown]], pattern);
  }
}

/**
 * The output of a monitoring plugin, https://www.monitoring-plugins.org/doc/guidelines.html: text for people and,
 * after the bar, performance data for programs; then a line for each task over a threshold.
 */
function textReport(found: Evaluation, { thresholds, pattern, colors }: CheckReportOptions): string {
  const { status, violations } = found;
  const name = NAMES[status];
  const painted = { OK: colors.green, WARNING: colors.yellow, CRITICAL: colors.red, UNKNOWN: colors.yellow }[
    name
  ];
  const lines = violations.slice(0, SHOWN_TASKS).map(({ task, status: taskStatus, age }) => {
    const facts = [
      formatCount(task.ready, 'message'),
      ...(age === undefined ? [] : [`oldest ${formatDuration(age)}`]),
      formatCount(task.consumers, 'consumer'),
    ];
    return `${NAMES[taskStatus]}: ${nameIn(task)}: ${facts.join(', ')}\n`;
  });
  const more = violations.length - lines.length;
  if (more > 0) lines.push(`and ${formatNumber(more)} more\n`);
  return `TASKQ ${painted(name)} - ${summary(found, pattern)} | ${performanceData(found, thresholds)}\n${lines.join('')}`;
}

function summary(found: Evaluation, pattern: string | undefined): string {
  const { violations, tasks, deepest, oldest, oldestAge, unconsumed, unconsumedStatus, status } = found;
  const tooNew = found.uncounted - found.unavailable;
  const blind = [
    ...(found.unknownAges > 0 ? [`age unknown for ${formatCount(found.unknownAges, 'task')}`] : []),
    ...(found.unavailable > 0
      ? [`${formatCount(found.unavailable, 'queue')} unavailable, down or crashed`]
      : []),
    ...(tooNew > 0 ? [`${formatCount(tooNew, 'queue')} too new for statistics`] : []),
  ];
  // A finished task has none, and neither has a mistyped one.
  const isUnmatched = tasks === 0 && pattern !== undefined;
  const facts = isUnmatched
    ? [`no task queue matches ${withoutBars(safeId(pattern))}`]
    : [`${formatCount(tasks, 'task')}, ${formatCount(found.ready, 'message')} ready`];
  if (violations.length > 0) facts.push(`${formatCount(violations.length, 'task')} over a threshold`);
  if (deepest !== undefined && violations.some(({ what }) => what.includes('depth'))) {
    facts.push(`${formatNumber(deepest.ready)} in ${nameIn(deepest)}`);
  }
  if (
    oldest !== undefined &&
    (status === CheckStatus.ok || violations.some(({ what }) => what.includes('age')))
  ) {
    facts.push(`oldest ${formatDuration(oldestAge ?? 0)} in ${nameIn(oldest)}`);
  }
  if (unconsumedStatus > 0) facts.push(`${formatCount(unconsumed, 'task')} without consumers`);
  return [...facts, ...blind].join('; ');
}

function nameIn({ taskId }: TaskMeasure): string {
  return withoutBars(safeId(taskId));
}

/** A bar would begin the performance data. */
function withoutBars(text: string): string {
  return text.replaceAll('|', '¦');
}

function performanceData(found: Evaluation, { depth, age, unconsumed }: Thresholds): string {
  const range = ({ warn, critical }: Threshold, unit = 1) =>
    warn === undefined && critical === undefined
      ? ''
      : `;${warn === undefined ? '' : warn / unit};${critical === undefined ? '' : critical / unit}`;
  return [
    `tasks=${found.tasks}`,
    `ready=${found.ready}`,
    `unacked=${found.unacked}`,
    `depth=${found.deepest?.ready ?? 0}${range(depth)}`,
    // U: it could not be determined.
    `age=${found.oldestAge === undefined ? (found.unknownAges > 0 ? 'U' : '0s') : `${Math.round(found.oldestAge / 1000)}s`}${range(age, 1000)}`,
    `unconsumed=${found.unconsumed}${range(unconsumed)}`,
  ].join(' ');
}

/** The documented schema. */
function checkRecord(
  found: Evaluation,
  { thresholds, pattern }: CheckReportOptions,
): { [name: string]: unknown } {
  const seconds = (ms: number | undefined) => (ms === undefined ? null : Math.round(ms) / 1000);
  const limits = ({ warn, critical }: Threshold, unit = 1) => ({
    warn: warn === undefined ? null : warn / unit,
    critical: critical === undefined ? null : critical / unit,
  });
  return {
    status: NAMES[found.status].toLowerCase(),
    code: found.status,
    pattern: pattern ?? null,
    tasks: found.tasks,
    ready: found.ready,
    unacked: found.unacked,
    depth_max: found.deepest?.ready ?? 0,
    deepest_task: found.deepest?.taskId ?? null,
    oldest_age_seconds: seconds(found.oldestAge),
    oldest_task: found.oldest?.taskId ?? null,
    unconsumed: found.unconsumed,
    unknown_ages: found.unknownAges,
    uncounted: found.uncounted,
    unavailable: found.unavailable,
    thresholds: {
      depth: limits(thresholds.depth),
      age_seconds: limits(thresholds.age, 1000),
      unconsumed: limits(thresholds.unconsumed),
    },
    violations: found.violations.map(({ task, status, age, what }) => ({
      task_id: task.taskId,
      status: NAMES[status].toLowerCase(),
      what,
      ready: task.ready,
      age_seconds: seconds(age),
      consumers: task.consumers,
    })),
  };
}

type Metric = readonly [name: string, help: string, value: number];

const STATUS_METRIC = [
  'check_status',
  'Result of mcp-taskq check: 0 ok, 1 warning, 2 critical, 3 unknown.',
] as const;

/** The text format of Prometheus. Task ids are not used as labels: they are many, and constantly change. */
function prometheusReport(found: Evaluation, { pattern }: CheckReportOptions): string {
  return metrics(
    [
      [...STATUS_METRIC, found.status],
      ['tasks', 'Tasks that have a queue.', found.tasks],
      ['tasks_uncounted', 'Tasks whose messages are not counted in the metrics below.', found.uncounted],
      ['tasks_unavailable', 'Tasks whose queue is down, crashed or without a majority.', found.unavailable],
      ['messages_ready', 'Messages ready in all task queues.', found.ready],
      ['messages_unacknowledged', 'Messages held unacknowledged.', found.unacked],
      ['depth_max', 'Messages ready in the deepest task queue.', found.deepest?.ready ?? 0],
      ...(found.oldestAge === undefined
        ? []
        : [['oldest_message_age_seconds', 'Age of the oldest message.', found.oldestAge / 1000] as const]),
      ['tasks_without_consumers', 'Tasks with messages but without consumers.', found.unconsumed],
      ['tasks_over_threshold', 'Tasks over a threshold of depth or age.', found.violations.length],
      ['tasks_with_unknown_age', 'Tasks whose oldest message has an unknown age.', found.unknownAges],
    ],
    pattern,
  );
}

function metrics(all: readonly Metric[], pattern: string | undefined): string {
  const escaped = pattern?.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  const labels = escaped === undefined ? '' : `{pattern="${escaped}"}`;
  return all
    .map(([name, help, value]) => {
      const full = `mcp_taskq_${name}`;
      return `# HELP ${full} ${help}\n# TYPE ${full} gauge\n${full}${labels} ${value}\n`;
    })
    .join('');
}
