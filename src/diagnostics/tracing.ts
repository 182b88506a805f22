import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel';
import { taskName } from '../errors/task-name.ts';
import {
  ErrorCode,
  isTaskQueueError,
  MalformedMessageError,
  TaskQueueError,
} from '../errors/task-queue-error.ts';
import type { ConnectionName } from './status-event.ts';

/*
 * Tracing channels of node:diagnostics_channel, https://nodejs.org/api/diagnostics_channel.html#class-tracingchannel:
 * `tracing:mcp-taskq:enqueue:start`, `:end`, `:asyncStart`, `:asyncEnd` and `:error`, and the same for `dequeue` and
 * `connect`. All five receive the same object, one per operation. While nobody subscribes, no object is made.
 */

/** For `mcp-taskq:enqueue`: a publish, from the call to the broker's confirm. */
export interface EnqueueTrace {
  taskId: string;
  queue: string;
  /** The AMQP `message_id`. */
  messageId: string | undefined;
  /** Size of the body. */
  bytes: number;
  /** Set before `error` is published. */
  error?: Error;
}

/** For `mcp-taskq:dequeue`: an operation that removes messages, from the call to the last acknowledgement. */
export interface DequeueTrace {
  taskId: string;
  queue: string;
  /** Messages removed so far. */
  messages: number;
  /** Size of the bodies read so far. */
  bytes: number;
  /** The AMQP `message_id`, if the operation takes one message. */
  messageId?: string | undefined;
  /** Set before `error` is published. */
  error?: Error;
}

/** For `mcp-taskq:connect`: one attempt to open a connection. */
export interface ConnectTrace {
  connection: ConnectionName;
  /** `host:port`, without credentials. */
  node: string;
  /** Set before `error` is published. */
  error?: Error;
}

/** Traces work, if somebody subscribes: only then a trace is made, and given to the work, to count in. */
type Tracer<Trace> = <T>(makeTrace: () => Trace, work: (trace?: Trace) => Promise<T>) => Promise<T>;

export const traceEnqueue = tracer<EnqueueTrace>('mcp-taskq:enqueue');
export const traceDequeue = tracer<DequeueTrace>('mcp-taskq:dequeue');
export const traceConnect = tracer<ConnectTrace>('mcp-taskq:connect');

function tracer<Trace extends object>(name: string): Tracer<Trace> {
  const channel = tracingChannel<unknown, Trace>(name);
  return (makeTrace, work) => {
    if (!isTraced(channel)) return work();
    const trace = makeTrace();
    return traced(channel, trace, () => work(trace));
  };
}

/** Node 20.5 has no `hasSubscribers` for all five together. */
function isTraced<Trace extends object>(channel: TracingChannel<unknown, Trace>): boolean {
  const { start, end, asyncStart, asyncEnd, error } = channel;
  return (
    start.hasSubscribers ||
    end.hasSubscribers ||
    asyncStart.hasSubscribers ||
    asyncEnd.hasSubscribers ||
    error.hasSubscribers
  );
}

/** Publishes neither the result nor an error that carries or quotes a body: subscribers may log all that they receive. */
async function traced<T, Trace extends object>(
  channel: TracingChannel<unknown, Trace>,
  trace: Trace,
  work: () => Promise<T>,
): Promise<T> {
  let outcome: { result: T } | { error: unknown } | undefined;
  const report = async () => {
    try {
      outcome = { result: await work() };
    } catch (error) {
      outcome = { error };
      throw withoutBody(error);
    }
  };
  await channel.tracePromise(report, trace).catch(() => {});
  const settled = outcome as unknown as { result: T } | { error: unknown };
  if ('error' in settled) throw settled.error;
  return settled.result;
}

function withoutBody(error: unknown): Error {
  if (error instanceof MalformedMessageError) {
    return new TaskQueueError(
      ErrorCode.malformedMessage,
      `A message of ${taskName(error.taskId)} cannot be decoded`,
    );
  }
  if (isTaskQueueError(error)) return error;
  return new Error("The caller's own function failed", { cause: (error as Error | undefined)?.name });
}
