import type { ClientStats } from '../diagnostics/stats.ts';
import type { QueueableMessage, QueuedMessage } from '../messages/queued-message.ts';
import { ReplicaCore } from './replica-core.ts';
import type { ReplicasOptions } from './replica-options.ts';
import type { TaskStoreLike, TransportLike } from './sdk-shapes.ts';
import { ServerLink } from './server-link.ts';
import { wrapTaskStore } from './wrap-task-store.ts';
import { wrapTransport } from './wrap-transport.ts';

/** A `TaskMessageQueue` of the MCP TypeScript SDK 1.24 to 1.32, for one server object. */
export interface ReplicaTaskMessageQueue {
  enqueue(taskId: string, message: QueueableMessage, sessionId?: string, maxSize?: number): Promise<void>;
  dequeue(taskId: string, sessionId?: string): Promise<QueuedMessage | undefined>;
  dequeueAll(taskId: string, sessionId?: string): Promise<QueuedMessage[]>;
}

/** What makes one server object a replica. */
export interface ReplicaLink {
  /** For the server's options. */
  readonly taskMessageQueue: ReplicaTaskMessageQueue;
  /** For the server's options: the shared task store. */
  wrapTaskStore<Store extends TaskStoreLike>(store: Store): Store;
  /**
   * Connect the server to this in place of the transport; over HTTP it also handles the requests. What it returns for a
   * request of the Fetch API is the response to send.
   */
  wrapTransport<Transport extends TransportLike>(transport: Transport): Transport;
}

/**
 * Lets several server objects of the MCP TypeScript SDK, in one or many processes, serve the same tasks. A question
 * asked in one of them is delivered through whichever the client talks to, and the answer is passed back, once, and
 * only from the client that got the question. Create one per process.
 *
 * @example
 * const replicas = new Replicas({ url, secret, principal: ({ authInfo }) => authInfo?.extra?.sub as string });
 * const link = replicas.link(); // for each server object
 * const server = new McpServer(info, {
 *   ...options,
 *   taskStore: link.wrapTaskStore(taskStore),
 *   taskMessageQueue: link.taskMessageQueue,
 * });
 * const transport = link.wrapTransport(new StreamableHTTPServerTransport(options));
 * await server.connect(transport);
 * await transport.handleRequest(request, response);
 */
export class Replicas {
  readonly #core: ReplicaCore;
  #closing: Promise<void> | undefined;

  /**
   * Does not connect yet: the first operation does.
   * @throws TaskQueueError `INVALID_ARGUMENT` for invalid options
   */
  constructor(options: ReplicasOptions) {
    this.#core = new ReplicaCore(options);
  }

  /** For one server object. Cheap, and needs no closing. */
  link(): ReplicaLink {
    const link = new ServerLink(this.#core);
    return {
      taskMessageQueue: {
        enqueue: (taskId, message, _sessionId, maxSize) => link.asker.enqueue(taskId, message, maxSize),
        dequeue: (taskId) => link.deliverer.dequeue(taskId),
        dequeueAll: (taskId) => link.dequeueAll(taskId),
      },
      wrapTaskStore: (store) => wrapTaskStore(link, store),
      wrapTransport: (transport) => wrapTransport(link, transport),
    };
  }

  /**
   * The state of the connections that all links share, and counters. `waiting` includes messages that wait for earlier calls
   * on their link.
   */
  stats(): ClientStats {
    return this.#core.order.addTo(this.#core.client.stats());
  }

  /**
   * Passes on the answers that came, lets operations under way finish, and closes the connections; what is not done
   * within `closeTimeoutMs` is given up. Close the server objects first.
   */
  close(): Promise<void> {
    const { options, replies } = this.#core;
    this.#closing ??= this.#core.close(options.closeTimeoutMs, (timeoutMs) => replies.flush(timeoutMs));
    return this.#closing;
  }

  /** The same as {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
