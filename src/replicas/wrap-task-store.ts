import { checkArgument, withMethods } from '../options/check-options.ts';
import type { TaskQueueClient } from '../task-queue-client.ts';
import { type RequestContext, requestContext } from './request-context.ts';
import type { TaskSnapshot, TaskStoreLike } from './sdk-shapes.ts';
import type { ServerLink } from './server-link.ts';
import { standInFor } from './stand-in.ts';

/** Terminal statuses. */
const ENDS = ['completed', 'failed', 'cancelled'];

/** The SDK's poll interval for a task without one. */
const DEFAULT_POLL_MS = 1_000;

/**
 * The task store as the server object is to have it: the same, but that it is seen who creates a task, and for what
 * `tasks/result` looks at. There the SDK pauses between two looks, which would delay what is queued meanwhile; now the
 * queue waits, and is woken. A result is stored once what the task has queued before it is there, awaited or not: with the
 * result, another replica ends the delivery.
 */
export function wrapTaskStore<Store extends TaskStoreLike>(link: ServerLink, store: Store): Store {
  checkArgument('store', store, withMethods('a TaskStore of the MCP SDK', 'getTask'));
  const getTask = async (taskId: string, given?: string) => {
    const context = requestContext.getStore();
    const isForResult = context?.taskId === taskId;
    // Before SDK 1.32, the pause between two looks names no session, and a store may then know no task.
    const sessionId = given ?? (isForResult ? context.sessionId : undefined);
    const look = async () => ((await store.getTask(taskId, sessionId)) ?? null) as TaskSnapshot | null;
    return isForResult ? taskForSdk(link, context, look) : look();
  };
  link.store.link(store, getTask);
  return standInFor(store, {
    get(name) {
      if (name === 'getTask') return getTask;
      const value = Reflect.get(store, name, store);
      if (name === 'createTask')
        return (...args: unknown[]) =>
          link.createTask(() => Reflect.apply(value as typeof link.createTask, store, args));
      if (name === 'storeTaskResult')
        return async (...args: [taskId: string]) => {
          await link.calls.settled(args[0]);
          return Reflect.apply(value as () => unknown, store, args);
        };
      return typeof value === 'function' && name !== 'constructor' ? value.bind(store) : value;
    },
    set: (name, value) => Reflect.set(store, name, value, store),
  });
}

/**
 * The task as the SDK should see it while it answers `tasks/result`. Notes the state of the task in the context.
 * @param look reads the task from the store
 */
async function taskForSdk(
  link: ServerLink,
  context: RequestContext,
  look: () => Promise<TaskSnapshot | null>,
): Promise<TaskSnapshot | null> {
  const task = await look();
  // One that this client has seen: it may not end the questions of others.
  if (task === null && context.task?.isOver === false) link.core.endQuestions(context.taskId as string);
  const wasOver = context.task?.isOver;
  context.task = {
    isOver: task === null || ENDS.includes(task.status),
    pollInterval: task?.pollInterval || DEFAULT_POLL_MS,
    look: async () => void (await taskForSdk(link, context, look)),
  };
  if (task === null) return null;
  // The SDK would pause between two looks, which delays what is queued meanwhile; `dequeue` waits in its stead.
  const seen = { ...task, pollInterval: 1 };
  if (!context.task.isOver) return seen;
  link.core.endQuestions(task.taskId);
  if (task.status === 'cancelled') {
    // The replica that cancelled it has cleared it, but cannot delete a queue while it is read here.
    if (!wasOver) void link.deliverer.clear(task.taskId);
    return seen;
  }
  // What was queued before the end is delivered before the result; the SDK drops it when it comes between two looks.
  return (await hasMessages(link.core.client, task.taskId)) ? { ...seen, status: 'working' } : seen;
}

async function hasMessages(client: TaskQueueClient, taskId: string): Promise<boolean> {
  try {
    return ((await client.depth(taskId))?.messages ?? 0) > 0;
  } catch {
    return false;
  }
}
