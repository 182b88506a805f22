import type { OutgoingMessage, TaskQueueClient } from '../../index.ts';
import { PublishTally } from './publish-tally.ts';

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
  keepExpiration: true | undefined;
  signal: AbortSignal;
  /** Called when nothing more will be sent, while the next message may still be waited for. */
  onFailure: () => void;
  /** Called with the number of messages confirmed so far. */
  onProgress: (confirmed: number) => void;
}

export class PipelineResult extends PublishTally {
  /** Number of messages from the start whose outcome, confirmed or refused, is known without a gap. */
  answered = 0;
  /** Why not all were sent; the signal's reason if that was the cause. */
  error: unknown;
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
  const result = new PipelineResult();
  let sent = 0;
  let inFlight = 0;
  let bytesInFlight = 0;
  const confirmed: boolean[] = [];
  let firstFailed = Number.POSITIVE_INFINITY;
  let wake = () => {};
  const settled = () => new Promise<void>((resolve) => (wake = resolve));

  const send = async ({ name, ...message }: NamedMessage, index: number) => {
    inFlight++;
    bytesInFlight += message.body.length;
    try {
      const { changes } = await client.publish(taskId, message, { create, keepExpiration });
      result.report.add(changes);
      confirmed[index] = true;
      result.confirmed++;
      onProgress(result.confirmed);
    } catch (reason) {
      if (result.addFailure(name, reason) || index >= firstFailed) return;
      firstFailed = index;
      // What the stop has given up fails with the end of the client.
      result.error = signal.aborted ? signal.reason : reason;
      onFailure();
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
    result.error ??= reason;
  }
  while (inFlight > 0) await settled();
  result.answered = Math.min(firstFailed, sent);
  result.confirmedBehind = confirmed.slice(result.answered).filter(Boolean).length;
  result.error ??= signal.aborted ? signal.reason : undefined;
  return result;
}
