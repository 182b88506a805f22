import { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { RabbitMQTaskMessageQueue } from 'mcp-taskq';

const taskMessageQueue = new RabbitMQTaskMessageQueue(process.env.RABBITMQ_URL);

const server = new McpServer(
  { name: 'files', version: '1.0.0' },
  {
    capabilities: { logging: {}, tasks: { cancel: {}, list: {}, requests: { tools: { call: {} } } } },
    taskStore: new InMemoryTaskStore(), // one that your processes share, in production
    taskMessageQueue,
    maxTaskQueueSize: 10_000,
  },
);
server.server.onclose = () => taskMessageQueue.close();

await server.connect(new StdioServerTransport());
