import { hasCode } from '../../cli-shared.ts';
import type { OutgoingMessage, TaskQueueClient } from '../../index.ts';
import { isOwnFault, isRejected, RefusedMessages } from './refused-messages.ts';
import { ReplayReport } from './replay-report.ts';

/** Limits of messages and bytes in flight: enough to keep the broker busy, while few outcomes are uncertain. */
const MAX_IN_FLIGHT = 1000;
const MAX_BYTES_IN_FLIGHT = 8 * 1024 * 1024;

/** A message and its origin. */
export interface NamedMessage extends OutgoingMessage {
  /** The origin for people, such as `line 7`. */
  name: string;
}

export interface PipelineOptions {
  create: boolean;
  keepExpiration: boolean;
  signal: AbortSignal;
  /** Called when nothing more will be sent, while the next message may still be waited for. */
  onFailure?: () => void;
  /** Called with the number of messages confirmed so far. */
  onProgress?: (confirmed: number) => void;
}

export interface PipelineResult {
  /** Number of messages from the start whose outcome, confirmed or refused, is known without a gap. */
  answered: number;
  /** How many of them were confirmed. */
  confirmed: number;
  /** How many messages after the first failure were confirmed too. */
  confirmedBehind: number;
  /** How many messages were sent but not confirmed, so that they may be in the queue. */
  unsure: number;
  /** How many were rejected by their queue, which may be full, or have crashed. */
  rejected: number;
  /** Messages that cannot be published, which does not stop the others. */
  refused: RefusedMessages;
  /** Properties that were changed. */
  report: ReplayReport;
  /** Why not all were sent; the signal's reason if that was the cause. */
  error?: unknown;
}

/**
 * Publishes messages in order without waiting for each confirm. A message that cannot be published is left out. After
 * any other failure, nothing more is sent, and messages in flight are awaited, so that the outcome of most is known.
 */
export async function publishInOrder(
  client: TaskQueueClient,
  taskId: string,
  messages: Iterable<NamedMessage> | AsyncIterable<NamedMessage>,
  { create, keepExpiration, signal, onFailure, onProgress }: PipelineOptions,
): Promise<PipelineResult> {
  const refused = new RefusedMessages();
  const report = new ReplayReport();
  let sent = 0;
  let inFlight = 0;
  let bytesInFlight = 0;
  let confirmedCount = 0;
  let unsure = 0;
  let rejected = 0;
  const confirmed: boolean[] = [];
  let firstFailed = Number.POSITIVE_INFINITY;
  let error: unknown;
  let wake = () => {};
  const settled = () => new Promise<void>((resolve) => (wake = resolve));

  const send = async ({ name, ...message }: NamedMessage, index: number) => {
    inFlight++;
    bytesInFlight += message.body.length;
    try {
      const { changes } = await client.publish(taskId, message, { create, keepExpiration });
      report.add(changes);
      confirmed[index] = true;
      confirmedCount++;
      onProgress?.(confirmedCount);
    } catch (reason) {
      if (isOwnFault(reason)) return refused.add(name, reason);
      if (hasCode(reason, 'PUBLISH_UNCONFIRMED')) unsure++;
      if (isRejected(reason)) rejected++;
      if (index < firstFailed) {
        firstFailed = index;
        // What the stop has given up fails with the end of the client.
        error = signal.aborted ? signal.reason : reason;
        onFailure?.();
      }
    } finally {
      inFlight--;
      bytesInFlight -= message.body.length;
      wake();
    }
  };

  const hasFailed = () => firstFailed !== Number.POSITIVE_INFINITY;
  try {
    for await (const message of messages) {
      if (hasFailed() || signal.aborted) break;
      void send(message, sent++);
      // Waits before reading the next message: a large one takes several times its size in memory until it is sent.
      while (inFlight >= MAX_IN_FLIGHT || bytesInFlight > MAX_BYTES_IN_FLIGHT) await settled();
    }
  } catch (reason) {
    error ??= reason;
  }
  while (inFlight > 0) await settled();
  const answered = Math.min(firstFailed, sent);
  let confirmedBehind = 0;
  for (let index = answered; index < sent; index++) if (confirmed[index]) confirmedBehind++;
  error ??= signal.aborted ? signal.reason : undefined;
  return {
    answered,
    confirmed: confirmedCount - confirmedBehind,
    confirmedBehind,
    unsure,
    rejected,
    refused,
    report,
    ...(error !== undefined && { error }),
  };
}
