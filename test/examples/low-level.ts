import { randomUUID } from 'node:crypto';
import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { type RequestId, ResultSchema, type ServerRequest } from '@modelcontextprotocol/sdk/types.js';
import type { QueuedMessage, RabbitMQTaskMessageQueue } from 'mcp-taskq';

/** In the process that works on a task: asks its client, whichever process the client talks to. */
export async function ask(
  queue: RabbitMQTaskMessageQueue,
  taskId: string,
  request: { method: string; params: { [key: string]: unknown } },
  options: { signal?: AbortSignal; timeoutMs?: number } = {},
): Promise<unknown> {
  const id = randomUUID();
  await queue.enqueue(taskId, {
    type: 'request',
    timestamp: Date.now(),
    message: { jsonrpc: '2.0', id, ...request },
    originalRequestId: id, // the way back
  });
  await queue.waitForMessage(`reply:${id}`, options);
  const [reply] = await queue.dequeueAll(`reply:${id}`); // its queue is gone with it
  if (reply?.type === 'response') return reply.message.result;
  throw new Error(reply?.type === 'error' ? reply.message.error.message : 'The reply is gone');
}

/** In the process that the client asks for tasks/result: hands over what is queued, and sends replies back. */
export async function deliver(
  queue: RabbitMQTaskMessageQueue,
  taskId: string,
  server: Server,
  relatedRequestId: RequestId,
): Promise<void> {
  for (let queued = await queue.dequeue(taskId); queued; queued = await queue.dequeue(taskId)) {
    if (queued.type === 'notification') await server.transport?.send(queued.message, { relatedRequestId });
    if (queued.type !== 'request' || queued.originalRequestId === undefined) continue;
    const { method, params } = queued.message;
    const { originalRequestId } = queued;
    const id = originalRequestId;
    server
      .request({ method, params } as ServerRequest, ResultSchema, { relatedRequestId })
      .then(
        (result): QueuedMessage => ({
          type: 'response',
          timestamp: Date.now(),
          message: { jsonrpc: '2.0', id, result },
          originalRequestId,
        }),
        ({ code = -32603, message }): QueuedMessage => ({
          type: 'error',
          timestamp: Date.now(),
          message: { jsonrpc: '2.0', id, error: { code, message } },
          originalRequestId,
        }),
      )
      .then((reply) => queue.enqueue(`reply:${id}`, reply))
      .catch((error) => server.onerror?.(error));
  }
}
