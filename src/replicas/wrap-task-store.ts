import { requestContext } from './request-context.ts';
import type { TaskStoreLike } from './sdk-shapes.ts';
import type { ServerLink } from './server-link.ts';
import type { TaskSnapshot } from './watched-task.ts';

/**
 * The task store as the server object is to have it: the same, but that it is seen who creates a task, and for what
 * `tasks/result` looks at. There the SDK pauses between two looks, which would delay what is queued meanwhile; now the
 * queue waits, and is woken.
 */
export function wrapTaskStore<Store extends TaskStoreLike>(link: ServerLink, store: Store): Store {
  link.store.link(store);
  const getTask = async (taskId: string, sessionId?: string) => {
    const look = async () => (await store.getTask(taskId, sessionId)) as TaskSnapshot | null;
    const context = requestContext.getStore();
    return context?.taskId === taskId ? link.taskForSdk(context, look) : look();
  };
  return new Proxy(store, {
    get(_, name) {
      if (name === 'getTask') return getTask;
      const value = Reflect.get(store, name, store);
      if (name === 'createTask')
        return (...args: unknown[]) =>
          link.createTask(() => Reflect.apply(value as typeof link.createTask, store, args));
      return typeof value === 'function' && name !== 'constructor' ? value.bind(store) : value;
    },
    set: (_, name, value) => Reflect.set(store, name, value, store),
  });
}
