import { type TaskQueueClient, type WatchItem, type WatchTasksOptions, watchTasks } from '../../src/index.ts';

/** Watches until `isEnough`, or fails by the test's timeout; answers what was seen. */
export async function watchUntil(
  client: TaskQueueClient,
  taskIds: string[],
  isEnough: (items: WatchItem[]) => boolean,
  options: WatchTasksOptions = {},
  onFirst?: () => void,
): Promise<WatchItem[]> {
  const items: WatchItem[] = [];
  for await (const item of watchTasks(client, taskIds, options)) {
    items.push(item);
    if (items.length === 1) onFirst?.();
    if (isEnough(items)) break;
  }
  return items;
}

/** The body of a message, or what kind of item it is. */
export const textOf = (item: WatchItem) =>
  item.kind === 'message' ? item.message.body.toString() : item.kind;
export const texts = (items: WatchItem[]) => items.map(textOf);
