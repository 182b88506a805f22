import { AsyncLocalStorage } from 'node:async_hooks';
import type { HttpExchange } from './http-exchange.ts';
import type { MessageOrigin } from './sdk-shapes.ts';

/** The client's request on whose behalf code runs. */
export interface RequestContext {
  readonly id: string | number;
  /** Of `tasks/result`. */
  readonly taskId: unknown;
  /** As the SDK knows it. */
  readonly sessionId: string | undefined;
  readonly origin: MessageOrigin;
  /**
   * Its own, and those by which the client came back, if the transport has an event store. It may be back before its own is
   * seen to end. Empty without HTTP.
   */
  exchanges: readonly HttpExchange[];
  /** What is sent when the client has gone reaches it when it is back: the transport has an event store. */
  readonly isResumable: boolean;
  /** Called when a client that was gone is back, and when the request is aborted. */
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

/** Whether nothing can be written to the client at the moment. */
export function isClientGone({ exchanges }: RequestContext): boolean {
  return exchanges.length > 0 && exchanges.every(({ gone }) => gone.aborted);
}

/** Whether the client has left a `tasks/result`, and may return to it. */
export function hasClientLeft(context: RequestContext): boolean {
  return context.taskId !== undefined && context.isResumable && isClientGone(context);
}
