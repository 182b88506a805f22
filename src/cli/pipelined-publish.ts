import type { OutgoingMessage, TaskQueueClient } from '../index.ts';

/** Messages and bytes on their way at a time: enough to keep the broker busy, little to lose track of. */
const MAX_IN_FLIGHT = 1000;
const MAX_BYTES_IN_FLIGHT = 16 * 1024 * 1024;

export interface PipelineOptions {
  create: boolean;
  signal: AbortSignal;
  /** Called with the number of messages confirmed so far. */
  onProgress?: (confirmed: number) => void;
}

export interface PipelineResult {
  /** All of the first so many messages are in the queue. */
  confirmed: number;
  /** Of those behind the first failure, so many are in the queue as well. */
  confirmedBehind: number;
  /** Why not all; the reason of the signal if that stopped it. */
  error?: unknown;
}

/**
 * Publishes messages in order without waiting for each one's confirm. After a failure nothing further is
 * sent, and what is on its way is waited for, so that the answer is known for every message.
 */
export async function publishInOrder(
  client: TaskQueueClient,
  taskId: string,
  messages: Iterable<OutgoingMessage> | AsyncIterable<OutgoingMessage>,
  { create, signal, onProgress }: PipelineOptions,
): Promise<PipelineResult> {
  let sent = 0;
  let confirmedCount = 0;
  let inFlight = 0;
  let bytesInFlight = 0;
  let firstFailed = Number.POSITIVE_INFINITY;
  let error: unknown;
  let wake = () => {};
  const settled = () => new Promise<void>((resolve) => (wake = resolve));

  const send = async (message: OutgoingMessage, index: number) => {
    inFlight++;
    bytesInFlight += message.body.length;
    try {
      await client.publish(taskId, message, { create });
      confirmedCount++;
      onProgress?.(confirmedCount);
    } catch (reason) {
      if (index < firstFailed) {
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
      while (inFlight >= MAX_IN_FLIGHT || (inFlight > 0 && bytesInFlight > MAX_BYTES_IN_FLIGHT))
        await settled();
      if (hasFailed() || signal.aborted) break;
      void send(message, sent++);
    }
  } catch (reason) {
    error ??= reason;
  }
  while (inFlight > 0) await settled();
  const confirmed = Math.min(firstFailed, sent);
  error ??= signal.aborted ? signal.reason : undefined;
  return { confirmed, confirmedBehind: confirmedCount - confirmed, ...(error !== undefined && { error }) };
}
