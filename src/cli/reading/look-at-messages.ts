import type { StoredMessage } from '../../index.ts';
import type { ClientContext } from '../context.ts';
import type { MessageFilter } from '../input/filters.ts';
import { startStallNotice } from '../terminal/stall-notice.ts';

/** Kept in memory until the messages are back in their queue: whoever reads the output may take long over it. */
const MAX_KEPT_BYTES = 4 * 1024 * 1024;

export interface LookOptions {
  /** How many to look at, together with `skip` at most `MAX_PEEK`. */
  window: number;
  skip?: number;
  /** Only these. */
  select: MessageFilter | undefined;
  /** At most this many of them. */
  most: number;
}

/**
 * Looks at the oldest messages of a task, and hands over those that are wanted: when all are back in the queue, or earlier
 * where they would take too much memory.
 * @returns how many were looked at
 */
export async function lookAtMessages(
  context: Pick<ClientContext, 'client' | 'note'>,
  taskId: string,
  { window, skip = 0, select, most }: LookOptions,
  handle: (messages: StoredMessage[]) => Promise<void>,
): Promise<number> {
  if (window === 0) return 0;
  const stall = startStallNotice(context);
  let kept: StoredMessage[] = [];
  let bytes = 0;
  let wanted = 0;
  const handOver = async () => {
    stall.pause();
    const messages = kept;
    kept = [];
    bytes = 0;
    if (messages.length > 0) await handle(messages);
  };
  try {
    const looked = await context.client.browse(
      taskId,
      async (batch) => {
        stall.moved();
        const fitting = (select ? batch.filter(select) : batch).slice(0, most - wanted);
        wanted += fitting.length;
        kept.push(...fitting);
        for (const { body } of fitting) bytes += body.length;
        if (bytes > MAX_KEPT_BYTES) await handOver();
        stall.moved();
      },
      { limit: window, skip },
    );
    await handOver();
    return looked;
  } finally {
    stall.end();
  }
}
