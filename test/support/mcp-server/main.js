// An MCP server whose task messages lie in RabbitMQ, as a process of its own.
//
//     node main.js stdio | http      (http prints its port, and serves /mcp with sessions and /stateless without)
//
// SDK       the package to build on: @modelcontextprotocol/sdk, or an alias of another version
// TASKS     folder of the tasks, which several of these servers may share
// RABBITMQ  URL of the broker
// MAX_QUEUE maxTaskQueueSize of the SDK
// REPLICAS  secret of a fleet, of which this server is to be one
// PATIENCE how long to wait for a broker that is away, in milliseconds
// STALL     with it: "unsent", a question that has been taken from its queue is never sent; "mixed", of the first nine a third is
//           not, and another third is sent and the sending never ends
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { RabbitMQTaskMessageQueue } from '../../../dist/index.js';
import { Replicas } from '../../../dist/replicas/index.js';
import { FileTaskStore } from './file-task-store.js';
import { registerScriptedTool } from './scripted-tool.js';

const {
  SDK = '@modelcontextprotocol/sdk',
  TASKS,
  RABBITMQ,
  MAX_QUEUE,
  REPLICAS,
  STALL,
  PATIENCE,
} = process.env;
const { McpServer } = await import(`${SDK}/server/mcp.js`);
const schemas = await import(`${SDK}/types.js`);

const taskStore = new FileTaskStore(TASKS);
const options = {
  url: RABBITMQ,
  onStatus: (event) => event.type === 'warning' && process.stderr.write(`${event.error.message}\n`),
  ...(PATIENCE && { reconnectTimeoutMs: Number(PATIENCE) }),
};
const shared = REPLICAS
  ? new Replicas({ ...options, secret: REPLICAS })
  : new RabbitMQTaskMessageQueue(options);

/** What a server object has in a fleet, and without one. */
function linkOf() {
  if (REPLICAS) return shared.link();
  return {
    taskMessageQueue: shared,
    wrapTaskStore: (store) => store,
    wrapTransport: (transport) => transport,
  };
}

async function connect(transport) {
  const link = linkOf();
  const mcp = new McpServer(
    { name: 'test-server', version: '1.0.0' },
    {
      capabilities: {
        logging: {},
        tools: {},
        tasks: { cancel: {}, list: {}, requests: { tools: { call: {} } } },
      },
      taskStore: link.wrapTaskStore(taskStore),
      taskMessageQueue: link.taskMessageQueue,
      ...(MAX_QUEUE && { maxTaskQueueSize: Number(MAX_QUEUE) }),
    },
  );
  const running = new Set();
  registerScriptedTool(mcp, { ...schemas, folder: TASKS, running });
  const wrapped = link.wrapTransport(STALL ? stalling(transport) : transport);
  await mcp.connect(wrapped);
  return { mcp, transport: wrapped, running };
}

let questions = 0;
let stalled = 0;

/** A process holds at most 16 messages at a time; the others are to go on. */
const MAX_STALLED = 6;

function stalling(transport) {
  const send = transport.send.bind(transport);
  const never = new Promise(() => {});
  transport.send = (message, options) => {
    if (message.method !== 'elicitation/create') return send(message, options);
    const mixed = stalled < MAX_STALLED ? questions++ % 3 : 0;
    const turn = STALL === 'mixed' ? mixed : 1;
    if (turn > 0) stalled++;
    if (turn === 1) return never;
    const sent = send(message, options);
    return turn === 2 ? sent.then(() => never) : sent;
  };
  return transport;
}

async function serveStdio() {
  const { StdioServerTransport } = await import(`${SDK}/server/stdio.js`);
  const { mcp } = await connect(new StdioServerTransport());
  mcp.server.onclose = async () => {
    await shared.close();
    // SDK 1.24 leaves the timers of answered requests running.
    if (SDK === 'sdk-1.24') process.exit();
  };
  process.stdin.on('end', () => mcp.close());
}

async function serveHttp() {
  const { StreamableHTTPServerTransport } = await import(`${SDK}/server/streamableHttp.js`);
  const sessions = new Map();

  /** A server object for each session, all of them over the same tasks. */
  async function handleInSession(request, response) {
    const transport = sessions.get(request.headers['mcp-session-id']) ?? (await openSession());
    await transport.handleRequest(request, response);
  }

  async function openSession() {
    const given = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
    });
    const { transport } = await connect(given);
    return transport;
  }

  /** A server object for each request, which lives until the tasks that it has started are done. */
  async function handleAlone(request, response) {
    if (request.method !== 'POST') return void response.writeHead(405).end();
    const { mcp, transport, running } = await connect(
      new StreamableHTTPServerTransport({ sessionIdGenerator: undefined }),
    );
    response.on('close', async () => {
      await Promise.allSettled(running);
      await mcp.close();
    });
    await transport.handleRequest(request, response);
  }

  listen((request, response) =>
    (request.url === '/stateless' ? handleAlone : handleInSession)(request, response),
  );
}

function listen(handle) {
  const server = createServer(async (request, response) => {
    try {
      await handle(request, response);
    } catch (error) {
      process.stderr.write(`${error.stack}\n`);
      response.writeHead(500).end();
    }
  });
  // A connection that the client has just begun to use again would be reset.
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
}

await { stdio: serveStdio, http: serveHttp }[process.argv[2]]();
