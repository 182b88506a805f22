import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CallToolResultSchema,
  CreateMessageRequestSchema,
  CreateTaskResultSchema,
  ElicitRequestSchema,
  LoggingMessageNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { inject, onTestFinished } from 'vitest';
import { stopAfterFile } from './broker.ts';
import { FileTaskStore } from './mcp-server/file-task-store.js';
import { queueOf, RawAmqp } from './raw-amqp.ts';

/** The SDK's minute is not enough where hundreds of tasks wait on a busy machine. */
const PATIENT_MS = 300_000;

const main = fileURLToPath(new URL('./mcp-server/main.js', import.meta.url));

/** See `test/support/mcp-server/scripted-tool.js`. */
export type Step =
  | { log: unknown }
  | { progress: number }
  | { elicit: string }
  | { sample: string }
  | { both: [string, string] }
  | { hold: true };

export interface ServerOptions {
  /** `stateless` is HTTP without sessions. */
  transport: 'stdio' | 'http' | 'stateless';
  /** Where the tasks are kept. Servers with the same folder know the same tasks. */
  tasks: string;
  /** The package that the server is built on. */
  sdk?: string;
  maxQueue?: number;
  /** The secret of the fleet that it is to be one of. */
  replicas?: string;
  /**
   * It takes questions from their queues and never sends them; or, mixed, it does so with three of the first nine, and
   * sends three others without ever ending to send them.
   */
  stall?: 'unsent' | 'mixed';
  /** Over stdio: the folder where its `stderr` and, when it has ended, its `status` are written. */
  endsIn?: string;
  /** Default: the broker that all tests share. */
  broker?: string;
  /** How long it waits for a broker that is away. */
  patienceMs?: number;
  /** Whether the tests of the file share it and its clients, which end after the last. Default: they end with the test. */
  isShared?: boolean;
}

/** An MCP server process over the shared test broker. */
export interface ServerProcess {
  /** A client in this process. A server over stdio takes one, and starts with it. */
  connect(): Promise<TestClient>;
  /** Where it listens, unless over stdio. */
  readonly url?: URL;
  /** `kill -9` */
  kill(): Promise<void>;
}

/** One over HTTP, with sessions and without. */
export interface HttpServerProcess extends ServerProcess {
  readonly url: URL;
  /** The same process without sessions. */
  readonly stateless: ServerProcess & { readonly url: URL };
}

export async function startServer({ transport, ...options }: ServerOptions): Promise<ServerProcess> {
  if (transport !== 'stdio') {
    const server = await startHttpServer(options);
    return transport === 'http' ? server : server.stateless;
  }
  removeQueuesAfterUse(options);
  return stdioServer(options);
}

export async function startHttpServer(options: Omit<ServerOptions, 'transport'>): Promise<HttpServerProcess> {
  removeQueuesAfterUse(options);
  const child = spawn(process.execPath, [main, 'http'], {
    env: environment(options),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  afterUse(options, async () => void child.kill('SIGKILL'));
  const [port] = await Promise.race([once(child.stdout, 'data'), unexpectedEnd(child)]);
  const kill = async () => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  const at = (path: string) => {
    const url = new URL(path, `http://127.0.0.1:${String(port).trim()}`);
    const connect = () => TestClient.connect(new StreamableHTTPClientTransport(url), options);
    return { url, connect, kill };
  };
  return { ...at('/mcp'), stateless: at('/stateless') };
}

function afterUse({ isShared = false }: { isShared?: boolean }, end: () => Promise<void>): void {
  if (isShared) stopAfterFile(end);
  else onTestFinished(end);
}

/** A task whose server was killed or stopped early leaves its queue. */
function removeQueuesAfterUse(options: Omit<ServerOptions, 'transport'>): void {
  if (options.broker !== undefined) return;
  afterUse(options, async () => {
    const { tasks } = await new FileTaskStore(options.tasks).listTasks();
    const amqp = await RawAmqp.connect(inject('url'));
    await Promise.all(tasks.map(({ taskId }) => amqp.delete(queueOf(taskId))));
    await amqp.close();
  });
}

function stdioServer(options: Omit<ServerOptions, 'transport'>): ServerProcess {
  const { endsIn } = options;
  const transport = new StdioClientTransport({
    // A shell to see how it ends; without, so that there is nothing between the server and a signal.
    ...(endsIn === undefined
      ? { command: process.execPath, args: [main, 'stdio'] }
      : {
          command: 'sh',
          args: ['-c', `"$0" "$1" stdio 2>"$2/stderr"; echo $? >"$2/status"`, process.execPath, main, endsIn],
        }),
    env: environment(options),
  });
  return {
    connect: () => TestClient.connect(transport, options),
    async kill() {
      const { pid } = transport;
      if (pid == null) throw new Error('The server over stdio is not running');
      const closed = new Promise<void>((resolve) => {
        const { onclose } = transport;
        transport.onclose = () => {
          onclose?.();
          resolve();
        };
      });
      process.kill(pid, 'SIGKILL');
      await closed;
    },
  };
}

async function unexpectedEnd(child: ChildProcess): Promise<never> {
  const [status] = await once(child, 'exit');
  throw new Error(`The MCP server ended with status ${status}`);
}

function environment(options: Omit<ServerOptions, 'transport'>) {
  const { tasks, sdk, maxQueue, replicas, stall, broker = inject('url'), patienceMs } = options;
  return {
    PATH: process.env.PATH ?? '',
    TASKS: tasks,
    RABBITMQ: broker,
    ...(sdk !== undefined && { SDK: sdk }),
    ...(maxQueue !== undefined && { MAX_QUEUE: String(maxQueue) }),
    ...(replicas !== undefined && { REPLICAS: replicas }),
    ...(stall !== undefined && { STALL: stall }),
    ...(patienceMs !== undefined && { PATIENCE: String(patienceMs) }),
  };
}

/** A client that answers every question, and keeps what it is told and asked. */
export class TestClient {
  readonly client = new Client(
    { name: 'test-client', version: '1.0.0' },
    { capabilities: { elicitation: { form: {} }, sampling: {} } },
  );
  /** When each answer to a question left, by the question. */
  readonly answeredAt = new Map<string, number>();
  /** What came, in order, as the steps that made the server send it. */
  readonly received: Step[] = [];

  static async connect(
    transport: StdioClientTransport | StreamableHTTPClientTransport,
    use: { isShared?: boolean } = {},
  ): Promise<TestClient> {
    const test = new TestClient();
    afterUse(use, () => test.client.close());
    await test.client.connect(transport as Parameters<Client['connect']>[0]);
    return test;
  }

  private constructor() {
    this.client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
      this.received.push({ log: params.data });
    });
    this.client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
      this.received.push({ elicit: params.message });
      // An answer to a question that comes again can be told from the first one.
      const word = this.answeredAt.has(params.message) ? 'again' : 'yes';
      this.answeredAt.set(params.message, Date.now());
      return { action: 'accept', content: { answer: `${word} to ${params.message}` } };
    });
    this.client.setRequestHandler(CreateMessageRequestSchema, ({ params }) => {
      const asked = params.messages.map(({ content }) => (content as { text: string }).text).join();
      this.received.push({ sample: asked });
      return { role: 'assistant', model: 'test', content: { type: 'text', text: `thoughts on ${asked}` } };
    });
  }

  /** Calls the scripted tool and follows its task to the end, as the SDK's client does it. */
  async runTask(steps: Step[]) {
    const stream = this.client.experimental.tasks.callToolStream(
      { name: 'script', arguments: { steps } },
      CallToolResultSchema,
      { task: { ttl: 60_000 }, onprogress: ({ progress }) => void this.received.push({ progress }) },
    );
    for await (const message of stream) {
      if (message.type === 'result') return message.result;
      if (message.type === 'error') throw message.error;
    }
    throw new Error('The stream ended without a result');
  }

  /** Calls the scripted tool and leaves its task alone. */
  async startTask(steps: Step[]): Promise<string> {
    const { task } = await this.client.request(
      { method: 'tools/call', params: { name: 'script', arguments: { steps } } },
      CreateTaskResultSchema,
      {
        task: { ttl: 60_000 },
        timeout: PATIENT_MS,
        onprogress: ({ progress }) => void this.received.push({ progress }),
      },
    );
    return task.taskId;
  }

  /** `tasks/result`: delivers what is queued, and resolves when the task has ended. */
  taskResult(taskId: string) {
    return this.client.experimental.tasks.getTaskResult(taskId, CallToolResultSchema, {
      timeout: PATIENT_MS,
    });
  }
}
