import type { ChalkInstance } from 'chalk';
import type { TaskConsumer, TaskQueueDescription } from '../../index.ts';
import { type Column, planColumns, tableLines } from '../output/columns.ts';
import { type Fact, layOutFacts } from '../output/facts.ts';
import { isUsualState } from '../output/queue-table.ts';
import { describeHeard } from '../reading/count-events.ts';
import { isoTime } from '../text/clock-time.ts';
import { formatAge, formatDuration } from '../text/durations.ts';
import { UNKNOWN_TYPE } from '../text/message-summary.ts';
import { formatCount, formatNumber, formatSize } from '../text/sizes.ts';
import { safeId, safeLine } from '../text/terminal-text.ts';
import { cutEnd, cutMethod } from '../text/text-width.ts';
import { wrap } from '../text/wrap.ts';
import type { MessageCounts, MessageGlimpse, MessageGroup } from './count-messages.ts';
import { ageOfOldest, type NextStep } from './next-steps.ts';
import { scopeOf, type TaskReport } from './read-task.ts';

const SHOWN_CONSUMERS = 10;
const SHOWN_GROUPS = 12;

const INDENT = '  ';
const COMMENT = `${INDENT}# `;

/** Servers may invent types of any length. */
const MOST_TYPE = 16;

/** `describe` for people. */
export function viewTask(
  report: TaskReport,
  steps: readonly NextStep[],
  { width, colors, now }: { width: number; colors: ChalkInstance; now: number },
): string {
  const { description, counts, heard } = report;
  const facts: Fact[] = [
    ['task', colors.bold(safeId(report.taskId))],
    [
      'queue',
      `${safeLine(report.queue)}${description ? `, ${description.type}, ${stateOf(description, colors)}` : ''}`,
    ],
    ['messages', messagesOf(report, colors)],
    ['oldest', oldestOf(report, colors, now)],
    ['newest', counts?.newest && glimpse(counts.newest, now)],
    ['idle', description?.idleSince === undefined ? undefined : idleOf(report, description.idleSince, now)],
    ['events', heard && describeHeard(heard)],
    ['consumers', consumersOf(report, colors)],
    ['policy', description && (description.hasStatistics ? policyOf(description) : 'unknown')],
    ['arguments', description && argumentsOf(description)],
    ['node', description && nodeOf(description, colors)],
  ];
  const parts = [layOutFacts(facts, { width, colors })];
  if (counts !== undefined) parts.push(groupsOf(counts, report.ready, { width, colors }));
  if (steps.length > 0) {
    // Reasons are shell comments, so that everything can be pasted.
    const lines = steps.map(({ reason, command }) => {
      const comment = wrap(safeLine(reason), width - COMMENT.length).map(
        (line) => `${colors.dim(`${COMMENT}${line}`)}\n`,
      );
      return `${comment.join('')}${INDENT}${safeLine(command)}\n`;
    });
    parts.push(`${colors.dim('What to do next')}\n${lines.join('')}`);
  }
  return parts.join('\n');
}

function stateOf({ state }: TaskQueueDescription, colors: ChalkInstance): string {
  return isUsualState(state) ? safeLine(state) : colors.red(safeLine(state));
}

function messagesOf({ depth, ready, description, bodyBytes }: TaskReport, colors: ChalkInstance): string {
  const { unacked } = description ?? {};
  return [
    `${depth === undefined ? '~' : ''}${ready > 0 ? colors.bold(formatNumber(ready)) : '0'} ready`,
    unacked === undefined
      ? colors.dim('unacknowledged unknown')
      : `~${unacked > 0 ? colors.yellow(formatNumber(unacked)) : '0'} unacknowledged`,
    ...(bodyBytes === undefined ? [] : [formatSize(bodyBytes)]),
  ].join(', ');
}

function oldestOf(report: TaskReport, colors: ChalkInstance, now: number): string | undefined {
  const { counts, ready } = report;
  if (counts?.oldest !== undefined) return glimpse(counts.oldest, now);
  const age = ageOfOldest(report, now);
  if (age !== undefined && ready > 0) return formatAge(age);
  return ready > 0 ? colors.dim('unknown') : undefined;
}

function glimpse({ type, method, id, queuedAt }: MessageGlimpse, now: number): string {
  const age = queuedAt === undefined ? 'unknown time' : formatAge(now - queuedAt);
  const parts = [type, method, id === undefined ? undefined : `id ${id}`].filter(
    (part) => part !== undefined,
  );
  const what = parts.join(' ');
  return `${age}: ${what === UNKNOWN_TYPE ? 'not an MCP message' : safeLine(what)}`;
}

function idleOf({ depth }: TaskReport, idleSince: number, now: number): string {
  const idle = formatDuration(Math.max(0, now - idleSince));
  return depth === undefined ? idle : `${idle}, reset by this look`;
}

function consumersOf({ consumerCount, description }: TaskReport, colors: ChalkInstance): string {
  if (consumerCount === 0) return '0';
  if (description === undefined) return formatNumber(consumerCount);
  const shown = description.consumers
    .slice(0, SHOWN_CONSUMERS)
    .map((consumer) => consumerLine(consumer, colors));
  const more = description.consumers.length - shown.length;
  // AMQP already counts consumers that the statistics do not list yet.
  const unknown = consumerCount - description.consumers.length;
  return [
    formatNumber(consumerCount),
    ...shown,
    ...(more > 0 ? [`and ${formatNumber(more)} more`] : []),
    ...(unknown > 0 ? [colors.dim(`${formatNumber(unknown)} not yet in the statistics`)] : []),
  ].join('\n');
}

function consumerLine(consumer: TaskConsumer, colors: ChalkInstance): string {
  const { user, peer, connectionName, client, prefetch, isActive, tag } = consumer;
  const who = [user, peer].filter(Boolean).join('@') || tag;
  const facts = [connectionName, client, prefetch > 0 ? `prefetch ${prefetch}` : 'no prefetch limit'];
  const waiting = isActive ? '' : `, ${colors.yellow('standby (single active consumer)')}`;
  return `${safeLine([who, ...facts.filter(Boolean)].join(', '))}${waiting}`;
}

function policyOf({ policy, operatorPolicy, effectivePolicy }: TaskQueueDescription): string {
  const names = [policy, operatorPolicy && `${operatorPolicy} (operator)`].filter(Boolean).join(' and ');
  if (names === '') return 'none';
  const settings = Object.entries(effectivePolicy).map(
    ([name, value]) => `${name} ${settingText(name, value)}`,
  );
  return safeLine(`${names}: ${settings.join(', ')}`);
}

function settingText(name: string, value: unknown): string {
  if (typeof value !== 'number') return typeof value === 'string' ? value : JSON.stringify(value);
  return ['expires', 'message-ttl'].includes(name) ? formatDuration(value) : formatNumber(value);
}

/** Without the type, which is shown with the name; RabbitMQ 4 adds it to every queue. */
function argumentsOf({ arguments: own }: TaskQueueDescription): string | undefined {
  const others = Object.entries(own).filter(([name]) => name !== 'x-queue-type');
  const shown = others.map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  return shown.length === 0 ? undefined : safeLine(shown.join(', '));
}

function nodeOf({ node, members, online }: TaskQueueDescription, colors: ChalkInstance): string | undefined {
  if (node === undefined) return undefined;
  if (members.length === 0) return safeLine(node);
  const away = members.filter((member) => !online.includes(member));
  const down = away.length > 0 ? `, ${colors.red(`down: ${safeLine(away.join(', '))}`)}` : '';
  return `${safeLine(node)}, leader of ${formatCount(members.length, 'member')}${down}`;
}

function groupsOf(
  counts: MessageCounts,
  ready: number,
  { width, colors }: { width: number; colors: ChalkInstance },
): string {
  const shown = counts.groups.slice(0, SHOWN_GROUPS);
  const columns: Column<MessageGroup>[] = [
    { title: '', align: 'right', text: ({ count }) => formatNumber(count) },
    { title: '', text: ({ type }) => safeLine(type), cut: cutEnd, most: MOST_TYPE },
  ];
  const layout = planColumns(columns, shown, { width: width - INDENT.length, leastRest: 0 });
  const lines = tableLines(
    layout,
    shown.map((row) => ({ row, rest: cutMethod(safeLine(row.method ?? ''), layout.rest) })),
  );
  const rest = counts.groups.slice(SHOWN_GROUPS).reduce((sum, { count }) => sum + count, 0);
  const more = rest > 0 ? [colors.dim(`and ${formatNumber(rest)} of other kinds`)] : [];
  return `${colors.dim(scopeOf(counts, ready))}\n${[...lines, ...more].map((line) => `${INDENT}${line}\n`).join('')}`;
}

/** The documented schema; times are ISO 8601. */
export function taskRecord(report: TaskReport, steps: readonly NextStep[]): { [name: string]: unknown } {
  const { description, counts, heard } = report;
  const known = description?.hasStatistics ? description : undefined;
  return {
    task_id: report.taskId,
    queue: report.queue,
    ready: report.ready,
    unacked: description?.unacked ?? null,
    consumer_count: report.consumerCount,
    consumers:
      known?.consumers.map(({ tag, user, peer, connectionName, client, prefetch, isActive }) => ({
        tag,
        user: user ?? null,
        peer: peer ?? null,
        connection_name: connectionName ?? null,
        client: client ?? null,
        prefetch,
        active: isActive,
      })) ?? null,
    type: description?.type ?? null,
    state: description?.state ?? null,
    node: description?.node ?? null,
    members: description?.members ?? null,
    online: description?.online ?? null,
    arguments: description?.arguments ?? null,
    policy: description?.policy ?? null,
    operator_policy: description?.operatorPolicy ?? null,
    effective_policy: known?.effectivePolicy ?? null,
    body_bytes: report.bodyBytes ?? null,
    idle_since: isoTime(description?.idleSince),
    heard: heard
      ? {
          seconds: heard.ms / 1000,
          enqueued: heard.enqueued,
          removed: heard.removed,
          whole: heard.isWhole,
          ready_change: heard.growth ?? null,
        }
      : null,
    looked_at: counts?.lookedAt ?? 0,
    oldest: counts?.oldest ? glimpseRecord(counts.oldest) : atOnly(description?.oldestAt),
    newest: counts?.newest ? glimpseRecord(counts.newest) : null,
    by_type:
      counts?.groups.map(({ type, method, count }) => ({ type, method: method ?? null, count })) ?? null,
    missing: report.missing,
    next: steps,
  };
}

function glimpseRecord({ type, method, id, queuedAt }: MessageGlimpse) {
  return { at: isoTime(queuedAt), type, method: method ?? null, id: id ?? null };
}

function atOnly(at: number | undefined) {
  return at === undefined ? null : { at: isoTime(at), type: null, method: null, id: null };
}
