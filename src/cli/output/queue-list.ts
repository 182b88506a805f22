import type { TaskQueueInfo } from '../../index.ts';
import type { Context } from '../context.ts';
import { isoTime } from '../text/clock-time.ts';
import { safeLine } from '../text/terminal-text.ts';
import type { QueuePrinter, QueueTableList } from './queue-table-printer.ts';
import { recordList } from './record-list.ts';

export interface QueueListOptions extends QueueTableList {
  /** Print only the ids. */
  names?: true;
  /** End each with NUL instead of a line feed. */
  null?: true;
}

export async function queuePrinter(context: Context, options: QueueListOptions): Promise<QueuePrinter> {
  if (options.names) return namesPrinter(context, options);
  if (context.format !== 'table') return recordPrinter(context);
  const { tablePrinter } = await import('./queue-table-printer.ts');
  return tablePrinter(context, options);
}

/** Prints ids unchanged for programs (ids do not contain line breaks), and made safe on a terminal. */
function namesPrinter({ stdout }: Context, { null: endsWithNull }: QueueListOptions): QueuePrinter {
  const shown = process.stdout.isTTY ? safeLine : (taskId: string) => taskId;
  const end = endsWithNull ? '\0' : '\n';
  return {
    write: (queues) => stdout.write(queues.map(({ taskId }) => `${shown(taskId)}${end}`).join('')),
    end: () => stdout.flush(),
  };
}

function recordPrinter(context: Context): QueuePrinter {
  const list = recordList(context);
  return { write: (queues) => list.write(queues.map(queueRecord)), end: () => list.end() };
}

/** As in `mcp-taskq help output`. */
function queueRecord({ taskId, ready, unacked, type, state, isCounted, statistics }: TaskQueueInfo) {
  return {
    task_id: taskId,
    ready: ready ?? null,
    unacked: unacked ?? null,
    counted: isCounted,
    // Over AMQP alone, these are not known.
    type: type || null,
    state: state || null,
    statistics: statistics && {
      consumers: statistics.consumers,
      idle_since: isoTime(statistics.idleSince),
      oldest_at: isoTime(statistics.oldestAt),
    },
  };
}
