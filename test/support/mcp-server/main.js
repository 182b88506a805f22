// An MCP server whose task messages lie in RabbitMQ, as a process of its own.
//
//     node main.js stdio | http      (http prints its port)
//
// SDK       the package to build on: @modelcontextprotocol/sdk, or an alias of another version
// TASKS     folder of the tasks, which several of these servers may share
// RABBITMQ  URL of the broker
// MAX_QUEUE maxTaskQueueSize of the SDK
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { RabbitMQTaskMessageQueue } from '../../../dist/index.js';
import { FileTaskStore } from './file-task-store.js';
import { registerScriptedTool } from './scripted-tool.js';

const { SDK = '@modelcontextprotocol/sdk', TASKS, RABBITMQ, MAX_QUEUE } = process.env;
const { McpServer } = await import(`${SDK}/server/mcp.js`);
const schemas = await import(`${SDK}/types.js`);

const taskStore = new FileTaskStore(TASKS);
const taskMessageQueue = new RabbitMQTaskMessageQueue({
  url: RABBITMQ,
  onWarning: ({ message }) => process.stderr.write(`${message}\n`),
});

function buildServer() {
  const mcp = new McpServer(
    { name: 'test-server', version: '1.0.0' },
    {
      capabilities: {
        logging: {},
        tools: {},
        tasks: { cancel: {}, list: {}, requests: { tools: { call: {} } } },
      },
      taskStore,
      taskMessageQueue,
      ...(MAX_QUEUE && { maxTaskQueueSize: Number(MAX_QUEUE) }),
    },
  );
  registerScriptedTool(mcp, { ...schemas, folder: TASKS });
  return mcp;
}

async function serveStdio() {
  const { StdioServerTransport } = await import(`${SDK}/server/stdio.js`);
  const mcp = buildServer();
  mcp.server.onclose = async () => {
    await taskMessageQueue.close();
    // SDK 1.24 leaves the timers of answered requests running.
    process.exit();
  };
  process.stdin.on('end', () => mcp.close());
  await mcp.connect(new StdioServerTransport());
}

/** A server object for each session, all of them over the same tasks. */
async function serveHttp() {
  const { StreamableHTTPServerTransport } = await import(`${SDK}/server/streamableHttp.js`);
  const sessions = new Map();
  const open = async () => {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
    });
    await buildServer().connect(transport);
    return transport;
  };
  const server = createServer(async (request, response) => {
    try {
      const transport = sessions.get(request.headers['mcp-session-id']) ?? (await open());
      await transport.handleRequest(request, response);
    } catch (error) {
      process.stderr.write(`${error.stack}\n`);
      response.writeHead(500).end();
    }
  });
  server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
}

await (process.argv[2] === 'http' ? serveHttp() : serveStdio());
