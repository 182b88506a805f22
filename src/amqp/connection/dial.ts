import type { ChannelModel } from 'amqplib';
import { onAbort } from '../../concurrency/on-abort.ts';
import { ErrorCode, isTaskQueueError } from '../../errors/task-queue-error.ts';
import type { BrokerAddress } from '../../options/broker-url.ts';
import type { ResolvedOptions } from '../../options/task-queue-options.ts';
import { AmqpFailure, closedError } from '../errors/amqp-failure.ts';
import { amqplibAddress, socketOptions } from './dial-options.ts';
import { findOpeningRefusal, isOpeningRefused } from './opening-refusal.ts';

/** One attempt to open a connection. */
export interface Attempt {
  address: BrokerAddress;
  options: ResolvedOptions;
  /** Shown in RabbitMQ's list. */
  name: string;
  timeoutMs: number;
  /** Ends the attempt; means nothing to the open connection. */
  closing: AbortSignal;
}

/**
 * Opens a connection to one node.
 * @throws AmqpFailure `CLOSED`, `CONNECTION_FAILED`; or the error of amqplib, the system, or the broker
 */
export async function dial(attempt: Attempt, isAgain = false): Promise<ChannelModel> {
  const { address, options, name, timeoutMs, closing } = attempt;
  // Loaded here, so that importing the package costs next to nothing until it connects. Only the default export is there where
  // esbuild has put it into a chunk of its own.
  const { default: amqplib } = await import('amqplib').catch((cause) => {
    throw notLoaded(cause);
  });
  if (closing.aborted) throw closedError();
  const socket = new AbortController();
  const giveUp = () => socket.abort();
  const stopListening = onAbort(closing, giveUp);
  const timer = setTimeout(giveUp, timeoutMs);
  try {
    return await amqplib.connect(
      amqplibAddress(address, options),
      await socketOptions(address, options, name, socket.signal),
    );
  } catch (error) {
    if (isOpeningRefused(error)) {
      const refusal = await findOpeningRefusal(address, options, name, socket.signal);
      // Over when it was asked for.
      if (isTaskQueueError(refusal) && !isAgain) return await dial(attempt, true);
      if (refusal) throw refusal;
    }
    if (!socket.signal.aborted) throw error;
    if (closing.aborted) throw closedError();
    throw new AmqpFailure(ErrorCode.connectionFailed, `no answer within ${timeoutMs} ms`, {
      cause: error,
      hint: 'Is RabbitMQ listening there? Does the port expect TLS (amqps://)? If only the login is slow, raise connectTimeoutMs.',
    });
  } finally {
    clearTimeout(timer);
    stopListening();
  }
}

function notLoaded(cause: Error): AmqpFailure {
  return new AmqpFailure(
    ErrorCode.connectionFailed,
    `the package amqplib cannot be loaded: ${cause.message}`,
    {
      cause,
      hint: 'If this program is bundled into one ES module, keep amqplib out of the bundle (external).',
    },
  );
}
