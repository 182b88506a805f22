// An MCP server over stdio, with the messages of its tasks in RabbitMQ. Its one tool runs as a task: its messages and
// questions are queued until the client calls tasks/result.
import { setTimeout as sleep } from 'node:timers/promises';
import { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { RabbitMQTaskMessageQueue } from 'mcp-taskq';
import { z } from 'zod';

const taskMessageQueue = new RabbitMQTaskMessageQueue(process.env.MCP_TASKQ_URL);

const mcp = new McpServer(
  { name: 'tidy-server', version: '1.0.0' },
  {
    capabilities: { logging: {}, tasks: { cancel: {}, list: {}, requests: { tools: { call: {} } } } },
    taskStore: new InMemoryTaskStore(),
    taskMessageQueue,
  },
);

mcp.experimental.tasks.registerToolTask(
  'tidy',
  {
    description: 'Finds old files in a folder, and deletes them if the user agrees.',
    inputSchema: { folder: z.string() },
    execution: { taskSupport: 'required' },
  },
  {
    async createTask({ folder }, extra) {
      const task = await extra.taskStore.createTask({ ttl: 300_000, pollInterval: 200 });
      const fail = (error) => {
        const content = [{ type: 'text', text: error.message }];
        return extra.taskStore.storeTaskResult(task.taskId, 'failed', { content, isError: true });
      };
      tidy(task.taskId, folder, extra)
        .catch(fail)
        .catch(() => {}); // It was cancelled, or the client has left.
      return { task };
    },
    getTask: (_args, extra) => extra.taskStore.getTask(extra.taskId),
    getTaskResult: (_args, extra) => extra.taskStore.getTaskResult(extra.taskId),
  },
);

async function tidy(taskId, folder, { taskStore, _meta }) {
  const relatedTask = { taskId };
  const progressToken = _meta?.progressToken; // there is none if the client does not ask for progress
  const notify = (method, params) => mcp.server.notification({ method, params }, { relatedTask });

  await notify('notifications/message', { level: 'info', data: `Looking through ${folder}` });
  for (const progress of [1, 2, 3]) {
    // Looking takes a while.
    await sleep(800);
    if (progressToken !== undefined)
      await notify('notifications/progress', { progressToken, progress, total: 3 });
  }
  await taskStore.updateTaskStatus(taskId, 'input_required');
  const answer = await mcp.server.elicitInput(
    {
      message: `Delete 3 old installers (1.2 GB) in ${folder}?`,
      requestedSchema: { type: 'object', properties: { delete: { type: 'boolean' } }, required: ['delete'] },
    },
    { relatedTask },
  );
  const text = answer.content?.delete ? `Deleted 3 files in ${folder}.` : `Left ${folder} as it is.`;
  await taskStore.storeTaskResult(taskId, 'completed', { content: [{ type: 'text', text }] });
}

// Without a client there is nothing to do; the timers of the task store would keep this process alive.
process.stdin.on('end', () => mcp.close());
mcp.server.onclose = () => taskMessageQueue.close().finally(() => process.exit());
await mcp.connect(new StdioServerTransport());
