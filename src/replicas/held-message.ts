import { setTimeout as sleep } from 'node:timers/promises';
import { withResolvers } from '../concurrency/with-resolvers.ts';
import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';
import { isClientGone, type RequestContext } from './request-context.ts';

/**
 * How often to look whether the transport has begun its response, a millisecond apart: while the process stalls, the
 * transport makes no progress either. In JSON mode it never begins one.
 */
const MOST_LOOKS = 1_000;

/** A message that the SDK has got from the queue, and that stays in the queue until the transport has sent it. */
export class HeldMessage {
  readonly #sent = withResolvers();
  /** Resolves when the message may be removed from its queue; rejects when it should be given back. */
  readonly sent = this.#sent.promise;
  /** Gives it back to its place. */
  readonly giveBack = this.#sent.reject;
  readonly taskId: string;
  readonly context: RequestContext | undefined;

  constructor(taskId: string, context: RequestContext | undefined) {
    this.taskId = taskId;
    this.context = context;
    this.sent.catch(() => {});
  }

  /** Sends it, and settles {@link sent} by what is known then. Rejects when it is given back. */
  async send(send: () => Promise<void>): Promise<void> {
    try {
      await this.#checkWritable();
      await send();
      // Streamable HTTP resolves also when the client has gone and nothing was written.
      throwIfGone(this.context);
      this.#sent.resolve();
    } catch (error) {
      this.giveBack(error);
      throw error;
    }
  }

  async #checkWritable(): Promise<void> {
    const exchange = this.context?.exchanges.at(-1);
    for (let looks = 1; exchange?.areHeadersSent() === false && !exchange.gone.aborted; looks++) {
      // What was stored is replayed first, however long that takes.
      if (!exchange.isResumption && looks > MOST_LOOKS) throw jsonModeError();
      await sleep(1);
    }
    throwIfGone(this.context);
  }
}

/** @throws when nothing that is sent now can reach the client */
export function throwIfGone(context: RequestContext | undefined): void {
  if (context === undefined) return;
  if (context.abort.signal.aborted || (isClientGone(context) && !context.isResumable)) {
    throw clientGoneError();
  }
}

export function clientGoneError(): TaskQueueError {
  return new TaskQueueError(ErrorCode.closed, 'The client has gone; messages stay in their queue');
}

function jsonModeError(): TaskQueueError {
  return new TaskQueueError(
    ErrorCode.unsupported,
    'The transport answers with JSON, in which no messages can be delivered; they stay in their queue',
    { hint: 'Leave out enableJsonResponse.' },
  );
}
