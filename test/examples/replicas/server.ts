import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { ElicitResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { Replicas } from 'mcp-taskq/replicas';
import { z } from 'zod';
import { SqliteTaskStore } from './sqlite-task-store.ts';

// One of these for each process.
const replicas = new Replicas({
  url: process.env.RABBITMQ_URL ?? 'amqp://localhost:5672',
  secret: process.env.REPLICAS_SECRET ?? '', // openssl rand -base64 32; the same for every process
  principal: ({ authInfo }) => authInfo?.extra?.userId as string | undefined,
  onStatus: (event) => 'error' in event && process.emitWarning(event.error),
});
const taskStore = new SqliteTaskStore(process.env.TASKS ?? 'tasks.db');

/** A server object with its transport: here one for each request, as there are no sessions. */
async function openServer() {
  const link = replicas.link();
  const tasks = link.wrapTaskStore(taskStore);
  const mcp = new McpServer(
    { name: 'files', version: '1.0.0' },
    {
      capabilities: { tasks: { cancel: {}, list: {}, requests: { tools: { call: {} } } } },
      taskStore: tasks,
      taskMessageQueue: link.taskMessageQueue,
    },
  );
  const running = new Set<Promise<void>>();
  mcp.experimental.tasks.registerToolTask(
    'tidy',
    {
      description: 'Deletes old files in a folder, if the user agrees.',
      inputSchema: { folder: z.string() },
      execution: { taskSupport: 'required' },
    },
    {
      async createTask({ folder }, extra) {
        const task = await extra.taskStore.createTask({ ttl: 300_000, pollInterval: 1_000 });
        // The client learns of a failure, such as a question that nobody answers. The store of `extra` would also notify
        // the client itself, which a server object that is closed cannot.
        const fail = (error: Error) =>
          tasks.storeTaskResult(task.taskId, 'failed', {
            content: [{ type: 'text', text: error.message }],
            isError: true,
          });
        running.add(
          tidy(task.taskId, folder)
            .catch(fail)
            .catch((error) => process.emitWarning(error)),
        );
        return { task };

        async function tidy(taskId: string, folder: string): Promise<void> {
          const requestedSchema = { type: 'object' as const, properties: {} };
          const params = { message: `Delete 3 old files in ${folder}?`, requestedSchema };
          await extra.taskStore.updateTaskStatus(taskId, 'input_required');
          const { action } = await mcp.server.request(
            { method: 'elicitation/create', params },
            ElicitResultSchema,
            { relatedTask: { taskId }, timeout: 600_000 },
          );
          const text = action === 'accept' ? 'Deleted 3 files.' : 'Left everything in place.';
          await extra.taskStore.storeTaskResult(taskId, 'completed', { content: [{ type: 'text', text }] });
        }
      },
      getTask: (_args, extra) => extra.taskStore.getTask(extra.taskId),
      getTaskResult: async (_args, extra) =>
        (await extra.taskStore.getTaskResult(extra.taskId)) as { content: [] },
    },
  );
  const transport = link.wrapTransport(new StreamableHTTPServerTransport({}));
  await mcp.connect(transport as Parameters<typeof mcp.connect>[0]);
  return { mcp, transport, running };
}

/** The server objects that are open. */
const open = new Set<McpServer>();

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'POST') {
    response.writeHead(405).end();
    return;
  }
  const { mcp, transport, running } = await openServer();
  open.add(mcp);
  response.on('close', async () => {
    // A closed server object receives no answers, so keep it open until the tasks that it started are done.
    await Promise.all(running);
    open.delete(mcp);
    await mcp.close();
  });
  // The handler of the wrapped transport, which notices a client that has gone.
  await transport.handleRequest(request, response);
}

const server = createServer((request, response) => {
  handle(request, response).catch((error) => {
    process.emitWarning(error);
    response.writeHead(500).end();
  });
});
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object') process.stdout.write(`Listening on port ${address?.port}\n`);
});
process.on('SIGTERM', async () => {
  server.close();
  server.closeAllConnections();
  // Rejects the questions that wait for an answer: their tasks fail, and the client learns it from another process.
  await Promise.all([...open].map((mcp) => mcp.close()));
  await replicas.close();
});
