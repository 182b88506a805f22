import { AsyncLocalStorage } from 'node:async_hooks';
import type { MessageOrigin } from './sdk-shapes.ts';

/** The HTTP request that is being handled, as far as it can be seen. */
export interface HttpExchange {
  /** Aborted when the client has gone, or the response is complete. */
  readonly gone: AbortSignal;
  /** False while nothing can have been written to the client. `undefined` where that cannot be seen. */
  readonly areHeadersSent: (() => boolean) | undefined;
  /** The client is back, and says what it has had: `Last-Event-ID`. */
  readonly isResumption: boolean;
}

/** The client's request on whose behalf code runs. */
export interface RequestContext {
  readonly id: string | number;
  readonly method: string;
  /** Of `tasks/result`. */
  readonly taskId: unknown;
  readonly origin: MessageOrigin;
  /** The latest: where the transport has an event store, a client may come back. */
  exchange: HttpExchange | undefined;
  /** What is sent when the client has gone reaches it when it is back: the transport has an event store. */
  readonly isResumable: boolean;
  /** Called once, when a client that was gone is back. */
  onReturn: (() => void) | undefined;
  /** Ends what waits on behalf of the request. */
  readonly abort: AbortController;
  /** What the SDK last learned about the task. */
  task: { isOver: boolean; pollInterval: number; look(): Promise<void> } | undefined;
}

/** Set where the SDK handles a request of the client, and in everything that it starts. */
export const requestContext = new AsyncLocalStorage<RequestContext>();

/**
 * Set while an HTTP request is handed to a transport, with that transport: what starts meanwhile may call other server
 * objects of the process. Not one for each transport, as before Node 24 every promise costs time for each of them.
 */
export const httpExchange = new AsyncLocalStorage<{ transport: object; exchange: HttpExchange }>();

/**
 * The arguments of a transport's `handleRequest`: a request and a response of Node's `http`, or a `Request` of the
 * Fetch API.
 */
export function exchangeOf(request: unknown, response: unknown): HttpExchange {
  const { once } = (response ?? {}) as { once?: unknown };
  if (typeof once !== 'function') {
    const { signal, headers } = request as Partial<Request>;
    const isResumption = headers?.get('last-event-id') != null;
    return { gone: signal ?? new AbortController().signal, areHeadersSent: undefined, isResumption };
  }
  const { headers } = request as { headers: { [name: string]: unknown } };
  const node = response as { once(event: 'close', listener: () => void): void; headersSent: boolean };
  const gone = new AbortController();
  node.once('close', () => gone.abort());
  const isResumption = headers['last-event-id'] !== undefined;
  return { gone: gone.signal, areHeadersSent: () => node.headersSent, isResumption };
}

/** Whether the client has left and may return. */
export function hasClientLeft({ exchange, isResumable }: RequestContext): boolean {
  return isResumable && exchange?.gone.aborted === true;
}
