import { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { RabbitMQTaskMessageQueue } from 'mcp-taskq';

const taskMessageQueue = new RabbitMQTaskMessageQueue({
  url: process.env.RABBITMQ_URL ?? 'amqp://localhost:5672',
  onStatus: (event) => 'error' in event && process.emitWarning(event.error),
});

const mcp = new McpServer(
  { name: 'files', version: '1.0.0' },
  {
    capabilities: { logging: {}, tasks: { cancel: {}, list: {}, requests: { tools: { call: {} } } } },
    taskStore: new InMemoryTaskStore(), // in production, use a store that all processes share
    taskMessageQueue,
    maxTaskQueueSize: 10_000,
  },
);

// The SDK does not notice that the client has gone, and the timers of this task store keep the process alive.
process.stdin.on('end', () => mcp.close());
mcp.server.onclose = () => taskMessageQueue.close().finally(() => process.exit());

await mcp.connect(new StdioServerTransport());
