import type { OutgoingMessage, TaskQueueClient } from '../../index.ts';
import { isOwnFault, RefusedMessages } from './refused-messages.ts';
import { ReplayReport } from './replay-report.ts';

/** Messages and bytes on their way at a time: enough to keep the broker busy, little to lose track of. */
const MAX_IN_FLIGHT = 1000;
const MAX_BYTES_IN_FLIGHT = 8 * 1024 * 1024;

/** A message and where it is from. */
export interface NamedMessage extends OutgoingMessage {
  /** For people: `line 7`. */
  name: string;
}

export interface PipelineOptions {
  create: boolean;
  keepExpiration: boolean;
  signal: AbortSignal;
  /** Called with the number of messages confirmed so far. */
  onProgress?: (confirmed: number) => void;
}

export interface PipelineResult {
  /** The first messages, of which it is known for each whether it is in the queue or was refused. */
  answered: number;
  /** How many of those are in the queue. */
  confirmed: number;
  /** How many after the first failure are in the queue as well. */
  confirmedBehind: number;
  /** Those that cannot be published, which does not stop the others. */
  refused: RefusedMessages;
  /** What was changed on the way. */
  report: ReplayReport;
  /** Why not all were sent; the reason of the signal if that stopped it. */
  error?: unknown;
}

/**
 * Publishes messages in order without waiting for each one's confirm. A message that cannot be published is left out.
 * After any other failure nothing further is sent, and what is on its way is waited for, so that the answer is known for
 * every message.
 */
export async function publishInOrder(
  client: TaskQueueClient,
  taskId: string,
  messages: Iterable<NamedMessage> | AsyncIterable<NamedMessage>,
  { create, keepExpiration, signal, onProgress }: PipelineOptions,
): Promise<PipelineResult> {
  const refused = new RefusedMessages();
  const report = new ReplayReport();
  let sent = 0;
  let inFlight = 0;
  let bytesInFlight = 0;
  let confirmedCount = 0;
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
      if (isOwnFault(reason)) refused.add(name, reason);
      else if (index < firstFailed) {
        firstFailed = index;
        error = reason;
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
      // Before the next one is read: a large one takes several times its size until it is sent.
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
    refused,
    report,
    ...(error !== undefined && { error }),
  };
}
