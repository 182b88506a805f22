/**
 * The messages that an MCP server queues for a task, in the shape of the TypeScript SDK's
 * `experimental/tasks` module (`QueuedMessage`, SDK 1.24 to 1.32), written out here so that the package
 * needs no SDK, neither at run time nor in its declarations. `test/types/` proves that they are assignable.
 */

/** The id of a JSON-RPC request. */
export type RequestId = string | number;

/** A request: the client answers it, under the same id. */
export interface JSONRPCRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: string;
  params?: { [key: string]: unknown } | undefined;
}

/** A notification: nobody answers it. */
export interface JSONRPCNotification {
  jsonrpc: '2.0';
  method: string;
  params?: { [key: string]: unknown } | undefined;
}

/** The answer to a request that succeeded. */
export interface JSONRPCResultResponse {
  jsonrpc: '2.0';
  id: RequestId;
  result: { [key: string]: unknown };
}

/** The answer to a request that failed. */
export interface JSONRPCErrorResponse {
  jsonrpc: '2.0';
  /**
   * Absent at run time in an error that answers no request in particular. SDK 1.24 knows no such error, so a
   * type without it would not be assignable there; see {@link QueueableMessage}.
   */
  id: RequestId;
  error: { code: number; message: string; data?: unknown };
}

interface BaseQueuedMessage {
  /** When the message was queued, in milliseconds since the epoch. On the wire it is ISO 8601. */
  timestamp: number;
  /**
   * The JSON-RPC id of the request that created the task, where the server keeps it to route a response
   * back. `original_request_id` on the wire, null there when absent here.
   */
  originalRequestId?: RequestId | undefined;
}

/** A request to the client, such as elicitation or sampling. */
export interface QueuedRequest extends BaseQueuedMessage {
  type: 'request';
  message: JSONRPCRequest;
}

/** A notification for the client, such as progress or a log message. */
export interface QueuedNotification extends BaseQueuedMessage {
  type: 'notification';
  message: JSONRPCNotification;
}

/** A result on its way back. The Python package has none of this type. */
export interface QueuedResponse extends BaseQueuedMessage {
  type: 'response';
  message: JSONRPCResultResponse;
}

/** An error on its way back. The Python package has none of this type. */
export interface QueuedError extends BaseQueuedMessage {
  type: 'error';
  message: JSONRPCErrorResponse;
}

/** One message waiting for the client of a task. Unknown extra fields are kept on the way in and out. */
export type QueuedMessage = QueuedRequest | QueuedNotification | QueuedResponse | QueuedError;

/** What can be put into a queue: besides a {@link QueuedMessage}, an error without an id, as SDK 1.25 has it. */
export type QueueableMessage =
  | QueuedMessage
  | (Omit<QueuedError, 'message'> & {
      message: Omit<JSONRPCErrorResponse, 'id'> & { id?: RequestId | undefined };
    });
