import { connect } from 'amqplib';
import { expect, inject, onTestFinished } from 'vitest';
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

/** Watches until the test is over, which closes the client; anything else that ends the watch fails the test. */
export function watching(
  client: TaskQueueClient,
  taskIds: string[],
  options: WatchTasksOptions = { tail: 1 },
  onItem: () => unknown = () => {},
): WatchItem[] {
  const items: WatchItem[] = [];
  const watch = async () => {
    for await (const item of watchTasks(client, taskIds, options)) {
      items.push(item);
      await onItem();
    }
  };
  // Not `expect(…).rejects`: a test waits for that before it closes the client.
  const end = watch().catch((error: unknown) => error);
  onTestFinished(async () => expect(await end).toMatchObject({ code: 'CLOSED' }));
  return items;
}

/** Publishes as the Python package does: plain AMQP, no events, hardly any properties. */
export async function publishForeign(taskId: string, bodies: string[], url = inject('url')): Promise<void> {
  const other = await connect(url);
  const channel = await other.createConfirmChannel();
  await channel.assertQueue(`mcp:queue:${taskId}`, { durable: true });
  for (const body of bodies)
    channel.sendToQueue(`mcp:queue:${taskId}`, Buffer.from(body), { deliveryMode: 2 });
  await channel.waitForConfirms();
  await other.close();
}

/** The body of a message, or what kind of item it is. */
export const textOf = (item: WatchItem) =>
  item.kind === 'message' ? item.message.body.toString() : item.kind;
export const texts = (items: WatchItem[]) => items.map(textOf);
