import { MAX_PEEK } from '../../cli-shared.ts';
import { isUsualState } from '../output/queue-table.ts';
import { taskCommand } from '../output/this-command.ts';
import { dropsWhenFull } from '../queues/overflow.ts';
import { formatDuration } from '../text/durations.ts';
import { formatCount } from '../text/sizes.ts';
import type { TaskReport } from './read-task.ts';

/** A suggested next step for a task. */
export interface NextStep {
  /** The reason, in a few words. */
  reason: string;
  /** A command line to paste. */
  command: string;
}

/** Unanswered questions this old deserve attention. */
const LONG_MS = 5 * 60_000;

/** More would not fit on the screen. */
const MOST_STEPS = 3;

/** What an operator should do next: the most urgent first, each command once. */
export function nextSteps(report: TaskReport, now: number): NextStep[] {
  const steps = possibleSteps(report, now);
  return steps
    .filter(({ command }, index) => steps.findIndex((step) => step.command === command) === index)
    .slice(0, MOST_STEPS);
}

function possibleSteps(report: TaskReport, now: number): NextStep[] {
  const { taskId, depth, ready, consumerCount, description, counts, isLookRefused, isStream } = report;
  const { type, state, unacked = 0, consumers = [] } = description ?? {};
  const { arguments: own = {}, effectivePolicy = {} } = description ?? {};
  const of = (command: string, ...options: string[]) => taskCommand(command, taskId, options);
  const steps: NextStep[] = [];
  const isAvailable = state === undefined || isUsualState(state);
  if (!isAvailable) {
    steps.push({ reason: `the queue is ${state}`, command: 'rabbitmqctl cluster_status' });
  }
  const limits = [own['x-max-length'], effectivePolicy['max-length']].filter(
    (each) => typeof each === 'number',
  );
  const isFull = ready >= Math.min(...limits);
  if (type && isFull && !dropsWhenFull(type, own['x-overflow'], effectivePolicy.overflow)) {
    steps.push({
      reason: 'the queue is full and rejects new messages',
      command: of('dequeue', '--all', '--out', 'out.jsonl'),
    });
  }
  if (unacked > 0) {
    const held = `${formatCount(unacked, 'message')} ${unacked === 1 ? 'is' : 'are'} held`;
    const [first] = consumers;
    const by = first === undefined ? 'a program that has not acknowledged' : (first.peer ?? first.tag);
    steps.push({ reason: `${held} by ${by}`, command: of('watch', '--events') });
  }
  if (ready > 0) {
    const age = ageOfOldest(report, now);
    const isOld = age !== undefined && age > LONG_MS;
    const nobody = consumerCount === 0 ? ', without a consumer' : '';
    const reason = isOld ? `the oldest has waited ${formatDuration(age)}${nobody}` : 'look at the messages';
    if (!isLookRefused) steps.push({ reason, command: of('peek', '-n', String(Math.min(ready, 20))) });
    const asks = counts?.groups.find(({ type }) => type === 'request');
    if (asks !== undefined) {
      steps.push({
        reason: `${formatCount(asks.count, 'request')} ${asks.count === 1 ? 'waits' : 'wait'} for the client to call tasks/result`,
        command: of('watch', '--events'),
      });
    }
    if (isOld || ready > MAX_PEEK) {
      steps.push({
        reason: 'save and remove them, to replay them later',
        command: of('dequeue', '--all', '--out', 'out.jsonl'),
      });
    }
  }
  // RabbitMQ counts no messages in a queue without a leader, and its statistics do not have those of the last seconds.
  if (isAvailable && depth?.messages === 0 && unacked === 0 && consumerCount === 0 && !isStream) {
    steps.push({
      reason: 'the queue is empty: if the task is over, delete it',
      command: of('clear'),
    });
  }
  return steps;
}

/** From the messages, else from the broker's timestamp of the first one. */
export function ageOfOldest({ counts, description }: TaskReport, now: number): number | undefined {
  const at = counts?.oldest?.queuedAt ?? description?.oldestAt;
  return at === undefined ? undefined : now - at;
}
