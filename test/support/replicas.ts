import { randomBytes } from 'node:crypto';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import {
  CallToolResultSchema,
  CreateMessageResultSchema,
  CreateTaskResultSchema,
  ElicitRequestSchema,
  type ElicitResult,
  ElicitResultSchema,
  type JSONRPCMessage,
  LoggingMessageNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { test as base, inject, onTestFinished } from 'vitest';
import type { TaskQueueError } from '../../src/index.ts';
import { type ReplicaLink, Replicas, type ReplicasOptions } from '../../src/replicas/index.ts';
import { registerScriptedTool } from './mcp-server/scripted-tool.js';

const SECRET = randomBytes(32);
export const ACCEPTED: ElicitResult = { action: 'accept', content: { answer: 'yes' } };

/** A process of the fleet: one set of connections. */
export function openReplicas(
  warnings: TaskQueueError[] = [],
  options: Partial<ReplicasOptions> = {},
): Replicas {
  const replicas = new Replicas({
    url: inject('url'),
    secret: SECRET,
    onStatus: (event) => event.type === 'warning' && warnings.push(event.error),
    ...options,
  });
  onTestFinished(() => replicas.close());
  return replicas;
}

/** A server object with the scripted tool. */
export function serverOf(link: ReplicaLink, store: InMemoryTaskStore): McpServer {
  const mcp = new McpServer(
    { name: 's', version: '1' },
    {
      capabilities: {
        logging: {},
        tools: {},
        tasks: { cancel: {}, list: {}, requests: { tools: { call: {} } } },
      },
      taskStore: link.wrapTaskStore(store),
      taskMessageQueue: link.taskMessageQueue,
    },
  );
  registerScriptedTool(mcp, { ElicitResultSchema, CreateMessageResultSchema, folder: '/tmp' });
  return mcp;
}

/** A server object with a client of its own, in memory. */
export async function serve(replicas: Replicas, store: InMemoryTaskStore) {
  const link = replicas.link();
  const mcp = serverOf(link, store);
  const errors: Error[] = [];
  mcp.server.onerror = (error) => void errors.push(error);
  const [atServer, atClient] = InMemoryTransport.createLinkedPair();
  const client = new Client({ name: 'c', version: '1' }, { capabilities: { elicitation: { form: {} } } });
  const received: unknown[] = [];
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
    received.push(params.data);
  });
  let answer = (message: string): ElicitResult | Promise<ElicitResult> => ({
    action: 'accept',
    content: { answer: `yes to ${message}` },
  });
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
    received.push(params.message);
    return answer(params.message);
  });
  await Promise.all([mcp.connect(link.wrapTransport(atServer)), client.connect(atClient)]);
  onTestFinished(() => client.close());
  return {
    link,
    mcp,
    client,
    received,
    errors,
    /** What the client puts on the wire. */
    sendRaw: (message: object) => atClient.send(message as JSONRPCMessage),
    onAsked: (next: typeof answer) => {
      answer = next;
    },
    startTask: async (steps: object[]) => {
      const { task } = await client.request(
        { method: 'tools/call', params: { name: 'script', arguments: { steps } } },
        CreateTaskResultSchema,
        { task: { ttl: 60_000 } },
      );
      return task.taskId;
    },
    taskResult: (taskId: string) => client.experimental.tasks.getTaskResult(taskId, CallToolResultSchema),
  };
}

/** Of the result of a tool. */
export const textOf = (result: { content?: unknown }) => (result.content as { text: string }[])[0]?.text;

/** A store that all replicas of a test share. */
export const test = base.extend<{ store: InMemoryTaskStore }>({
  // biome-ignore lint/correctness/noEmptyPattern: what vitest looks at
  store: async ({}, use) => {
    const store = new InMemoryTaskStore();
    await use(store);
    store.cleanup();
  },
});

/** Asks through the server object itself, as a tool that runs there would. */
export function ask(
  { mcp }: Awaited<ReturnType<typeof serve>>,
  taskId: string,
  options: object = {},
  message = 'well?',
) {
  const params = { mode: 'form', message, requestedSchema: { type: 'object', properties: {} } };
  return mcp.server.request({ method: 'elicitation/create', params } as never, ElicitResultSchema, {
    relatedTask: { taskId },
    ...options,
  });
}

/** From now on, sending a question to this server's client fails. @returns how often it has */
export function breakPipe({ mcp }: Awaited<ReturnType<typeof serve>>): () => number {
  let failures = 0;
  const transport = mcp.server.transport as InMemoryTransport;
  const peer = (transport as unknown as { _otherTransport: object })._otherTransport;
  Object.defineProperty(peer, 'onmessage', {
    get: () => (message: JSONRPCMessage) => {
      if (!('method' in message) || message.method !== 'elicitation/create') return;
      failures++;
      throw new Error('the pipe broke');
    },
  });
  return () => failures;
}
