import type { Survey, TaskMeasure } from './survey-tasks.ts';

/** The exit statuses of monitoring plugins. */
export const CheckStatus = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const;

export type CheckStatus = (typeof CheckStatus)[keyof typeof CheckStatus];

/** Values from which a measure is a warning, or critical. */
export interface Threshold {
  warn: number | undefined;
  critical: number | undefined;
}

export interface Thresholds {
  /** Ready messages in any one task. */
  depth: Threshold;
  /** Age of the oldest message in any one task, in milliseconds. */
  age: Threshold;
  /** Tasks with messages but without consumers. */
  unconsumed: Threshold;
}

/** A task that is over a threshold. */
interface Violation {
  task: TaskMeasure;
  status: CheckStatus;
  age: number | undefined;
  what: readonly ('depth' | 'age')[];
}

/** With what is not known of the tasks. */
export interface Evaluation extends Omit<Survey, 'tasks'> {
  status: CheckStatus;
  tasks: number;
  ready: number;
  unacked: number;
  /** The task with the most ready messages, and the one with the oldest message. */
  deepest: TaskMeasure | undefined;
  oldest: TaskMeasure | undefined;
  /** Milliseconds. */
  oldestAge: number | undefined;
  unconsumed: number;
  unconsumedStatus: CheckStatus;
  /** Worst first. */
  violations: readonly Violation[];
}

export function evaluate(
  { tasks, ...unknown }: Survey,
  { depth, age, unconsumed }: Thresholds,
  now: number,
): Evaluation {
  const ageOf = ({ ready, oldestAt }: TaskMeasure) =>
    ready > 0 && oldestAt !== undefined ? Math.max(0, now - oldestAt) : undefined;
  const violations = tasks.flatMap((task): Violation[] => {
    const taskAge = ageOf(task);
    const [byDepth, byAge] = [rate(task.ready, depth), rate(taskAge, age)];
    const status = Math.max(byDepth, byAge) as CheckStatus;
    if (status === CheckStatus.ok) return [];
    const what = [...(byDepth > 0 ? (['depth'] as const) : []), ...(byAge > 0 ? (['age'] as const) : [])];
    return [{ task, status, age: taskAge, what }];
  });
  const forgotten = tasks.filter(({ ready, consumers }) => ready > 0 && consumers === 0).length;
  const unconsumedStatus = rate(forgotten, unconsumed);
  const isAgeAsked = age.warn !== undefined || age.critical !== undefined;
  const worst = violations.reduce<number>((most, { status }) => Math.max(most, status), unconsumedStatus);
  // If some queues are out of reach, or the check asks for ages and some are unknown, the result cannot be "ok".
  const isBlind =
    worst === CheckStatus.ok && (unknown.unavailable > 0 || (isAgeAsked && unknown.unknownAges > 0));
  const oldest = most(tasks, (task) => ageOf(task) ?? -1);
  return {
    status: (isBlind ? CheckStatus.unknown : worst) as CheckStatus,
    tasks: tasks.length + unknown.uncounted,
    ready: tasks.reduce((sum, { ready }) => sum + ready, 0),
    unacked: tasks.reduce((sum, { unacked }) => sum + unacked, 0),
    deepest: most(tasks, ({ ready }) => ready),
    oldest: oldest && ageOf(oldest) === undefined ? undefined : oldest,
    oldestAge: oldest && ageOf(oldest),
    unconsumed: forgotten,
    unconsumedStatus,
    violations: violations.sort((a, b) => b.status - a.status || (b.age ?? 0) - (a.age ?? 0)),
    ...unknown,
  };
}

function rate(value: number | undefined, { warn, critical }: Threshold): CheckStatus {
  if (value === undefined) return CheckStatus.ok;
  if (critical !== undefined && value >= critical) return CheckStatus.critical;
  return warn !== undefined && value >= warn ? CheckStatus.warning : CheckStatus.ok;
}

function most<T>(items: readonly T[], value: (item: T) => number): T | undefined {
  return items.reduce<T | undefined>(
    (best, item) => (best === undefined || value(item) > value(best) ? item : best),
    undefined,
  );
}
