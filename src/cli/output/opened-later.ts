import type { MessageWriter } from './message-writer.ts';

/**
 * A writer that is opened by the first `write`, or by `end`.
 * @param open its parameter is the task of the first message, if any
 */
export function openedLater(open: (taskId: string | undefined) => Promise<MessageWriter>): MessageWriter {
  let writer: MessageWriter | undefined;
  const opened = async (taskId: string | undefined) => {
    writer ??= await open(taskId);
    return writer;
  };
  return {
    write: async (batch) => (await opened(batch[0]?.taskId)).write(batch),
    keep: () => writer?.keep(),
    settle: async () => writer?.settle(),
    end: async (options) => (await opened(options?.emptied)).end(options),
    abandon: async (options) => (await writer?.abandon(options)) ?? true,
    count: () => writer?.count() ?? 0,
  };
}
