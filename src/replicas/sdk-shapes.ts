/*
 * What this needs to know of the MCP SDK, by structure: neither the code nor the declarations of this package import it.
 */

/** The authentication of a request, as the SDK's `AuthInfo`. */
export interface AuthInfoLike {
  token: string;
  clientId: string;
  scopes: string[];
  extra?: Record<string, unknown>;
}

/** Where a message came from, as the SDK's `MessageExtraInfo`. */
export interface MessageOrigin {
  /** The authentication of the HTTP request, if the server authenticates it. */
  authInfo?: AuthInfoLike | undefined;
  /** The HTTP request, mainly its headers. */
  requestInfo?: { headers: Record<string, string | string[] | undefined> } | undefined;
}

/** A transport of the SDK: one connection, or one session, of a server object. */
export interface TransportLike {
  start(): Promise<void>;
  send(message: never, options?: never): Promise<void>;
  close(): Promise<void>;
}

/** A task store of the SDK. */
export interface TaskStoreLike {
  getTask(taskId: string, sessionId?: string): Promise<unknown>;
}

/** The task fields that the SDK reads. */
export interface TaskSnapshot {
  taskId: string;
  status: string;
  pollInterval?: number | null;
}

/** Any JSON-RPC message, before anything is known of it. */
export interface RpcMessage {
  id?: string | number | null;
  method?: string;
  params?: { [key: string]: unknown } | undefined;
  result?: unknown;
  error?: unknown;
}

export function isResponse(message: RpcMessage): boolean {
  return message.method === undefined && ('result' in message || 'error' in message);
}

export function isRequest(message: RpcMessage): boolean {
  return message.method !== undefined && message.id !== undefined && message.id !== null;
}

/** Whether it is an answer that creates a task of the client's own, as the SDK recognises it. */
export function isClientTask({ result }: RpcMessage): boolean {
  const { task } = (result ?? {}) as { task?: { taskId?: unknown } | null };
  return typeof task?.taskId === 'string';
}

/** By which a receiver reports the progress of a request. */
export function progressTokenOf({ params }: RpcMessage): unknown {
  const meta = params?._meta as { progressToken?: unknown } | undefined;
  return meta?.progressToken;
}

/**
 * The same request under another id. Its progress token goes with it where the SDK has made it of the id; one of
 * somebody else's making is left alone.
 */
export function withId<Message extends RpcMessage>(message: Message, id: string | number): Message {
  const { params } = message;
  if (params === undefined || progressTokenOf(message) !== message.id) return { ...message, id };
  const _meta = { ...(params._meta as object), progressToken: id };
  return { ...message, id, params: { ...params, _meta } };
}
