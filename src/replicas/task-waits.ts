import { setTimeout as sleep } from 'node:timers/promises';
import type { MessageWaiter } from '../waiting/message-waiter.ts';
import { throwIfGone } from './held-message.ts';
import type { RequestContext } from './request-context.ts';

/**
 * Waits for the next message on behalf of a `tasks/result`.
 * @returns false when the task is over, or when nothing is known of it
 */
export function waitForMessage(
  waiter: MessageWaiter,
  taskId: string,
  context: RequestContext,
): Promise<boolean> {
  return waitWhileTaskRuns(context, (signal) => waiter.wait(taskId, { signal }));
}

/**
 * Waits for a client that has gone to come back, by `Last-Event-ID`, also when the task is over: the transport of SDK 1.25 to
 * 1.29 drops what it should store for a client that is away.
 * @throws when the request ends
 */
export async function waitForReturn(context: RequestContext): Promise<void> {
  const returned = new Promise<void>((resolve) => (context.onReturn = resolve));
  await waitWhileTaskRuns(context, () => returned);
  await returned;
  throwIfGone(context);
}

/** Looks at the task as often as the SDK would. */
async function waitWhileTaskRuns(
  context: RequestContext,
  event: (signal: AbortSignal) => Promise<void>,
): Promise<boolean> {
  if (context.task === undefined || context.task.isOver) return false;
  const { exchanges, abort, isResumable } = context;
  const gone = isResumable ? [] : exchanges.map((exchange) => exchange.gone);
  const enough = new AbortController();
  const signal = AbortSignal.any([...gone, abort.signal, enough.signal]);
  const happened = event(signal).then(() => true);
  // It may end while the task is looked at, and nobody waits for it then.
  happened.catch(() => {});
  try {
    for (;;) {
      const pause = sleep(context.task.pollInterval, false, { signal });
      pause.catch(() => {});
      if (await Promise.race([happened, pause])) return true;
      await context.task.look();
      if (context.task.isOver) return false;
    }
  } catch (error) {
    throwIfGone(context);
    throw error;
  } finally {
    enough.abort();
  }
}
