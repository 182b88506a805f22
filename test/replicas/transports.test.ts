import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { InMemoryEventStore } from '@modelcontextprotocol/sdk/examples/shared/inMemoryEventStore.js';
import type { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  WebStandardStreamableHTTPServerTransport,
  type WebStandardStreamableHTTPServerTransportOptions,
} from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import {
  CallToolResultSchema,
  ElicitRequestSchema,
  LoggingMessageNotificationSchema,
  RootsListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, onTestFinished, vi } from 'vitest';
import type { TaskQueueError } from '../../src/index.ts';
import type { Replicas } from '../../src/replicas/index.ts';
import {
  ACCEPTED,
  ask,
  breakPipe,
  openReplicas,
  serve,
  serverOf,
  test,
  textOf,
} from '../support/replicas.ts';
import { numbered, openQueue, queueObserver } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { newVhost } from '../support/vhost.ts';

/** Listens until the test has ended. @returns where */
async function listen(handle: RequestListener): Promise<URL> {
  const server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

/** A client that accepts whatever it is asked, and keeps what it gets. */
async function connect(transport: StreamableHTTPClientTransport | SSEClientTransport) {
  const client = new Client({ name: 'c', version: '1' }, { capabilities: { elicitation: { form: {} } } });
  client.onerror = () => {};
  const asked: string[] = [];
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
    asked.push(params.message);
    return ACCEPTED;
  });
  const logged: unknown[] = [];
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
    logged.push(params.data);
  });
  await client.connect(transport as Parameters<Client['connect']>[0]);
  onTestFinished(() => client.close());
  const taskResult = (taskId: string) =>
    client.experimental.tasks.getTaskResult(taskId, CallToolResultSchema).catch((error) => error);
  return { client, asked, logged, taskResult };
}

/** Reads a stream until it contains the text. */
async function readUntil(reader: ReadableStreamDefaultReader<Uint8Array>, text: string): Promise<string> {
  let read = '';
  while (!read.includes(text)) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`The stream has ended: ${read}`);
    read += Buffer.from(value).toString();
  }
  return read;
}

const readerOf = ({ body }: Response) => (body as ReadableStream<Uint8Array>).getReader();

const WELL = 'well?';

/** Serves a transport of the Fetch API. Its requests have no signal of use, as in some runtimes. */
async function answerByFetch(
  transport: WebStandardStreamableHTTPServerTransport,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = '', headers } = request;
  const body = method === 'POST' ? Buffer.concat(await request.toArray()) : null;
  const url = `http://${headers.host}/`;
  const answer = await transport.handleRequest(
    new Request(url, { method, headers: headers as Record<string, string>, body }),
  );
  response.writeHead(answer.status, Object.fromEntries(answer.headers)).flushHeaders();
  const reader = answer.body?.getReader();
  response.on('close', () => reader?.cancel());
  for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
    response.write(read.value);
  }
  response.end();
}

type Transport = StreamableHTTPServerTransport | WebStandardStreamableHTTPServerTransport;

const FLAVOURS = {
  'Node’s requests': {
    create: (options: WebStandardStreamableHTTPServerTransportOptions): Transport =>
      new StreamableHTTPServerTransport(options),
    answer: (transport: Transport, request: IncomingMessage, response: ServerResponse) =>
      (transport as StreamableHTTPServerTransport).handleRequest(request, response),
  },
  'requests of the Fetch API': {
    create: (options: WebStandardStreamableHTTPServerTransportOptions): Transport =>
      new WebStandardStreamableHTTPServerTransport(options),
    answer: (transport: Transport, request: IncomingMessage, response: ServerResponse) =>
      answerByFetch(transport as WebStandardStreamableHTTPServerTransport, request, response),
  },
};

describe.for(Object.entries(FLAVOURS))(
  'over Streamable HTTP with %s and an event store, a client whose stream has broken',
  ([, flavour]) => {
    /** A replica with one session, whose client can be cut off and let in again. */
    async function serveResumable(store: InMemoryTaskStore) {
      const link = openReplicas().link();
      const mcp = serverOf(link, store);
      const transport = link.wrapTransport(
        flavour.create({ sessionIdGenerator: randomUUID, eventStore: new InMemoryEventStore() }),
      );
      await mcp.connect(transport as Parameters<typeof mcp.connect>[0]);
      const open = new Set<ServerResponse>();
      let isCut = false;
      const url = await listen((request, response) => {
        if (isCut) {
          request.socket.destroy();
          return;
        }
        open.add(response);
        response.on('close', () => open.delete(response));
        void flavour.answer(transport, request, response);
      });
      const reconnectionOptions = {
        initialReconnectionDelay: 20,
        maxReconnectionDelay: 20,
        reconnectionDelayGrowFactor: 1,
        maxRetries: 10_000,
      };
      const reader = await connect(new StreamableHTTPClientTransport(url, { reconnectionOptions }));
      return {
        ...reader,
        url,
        transport,
        cut: async () => {
          isCut = true;
          for (const response of open) response.socket?.destroy();
          await until(() => open.size === 0);
        },
        letIn: () => {
          isCut = false;
        },
      };
    }

    test('and that comes back with Last-Event-ID gets what was queued meanwhile, once, and its result', async ({
      store,
    }) => {
      const [a, b] = [await serve(openReplicas(), store), await serveResumable(store)];
      const taskId = await a.startTask([{ hold: true }]);
      const result = b.taskResult(taskId);
      expect(await ask(a, taskId)).toEqual(ACCEPTED);
      for (let round = 1; round <= 3; round++) {
        await b.cut();
        const asked = ask(a, taskId);
        await until(async () => (await queueObserver().size(taskId)) === 1);
        b.letIn();
        expect(await asked).toEqual(ACCEPTED);
      }
      expect(b.asked).toEqual([WELL, WELL, WELL, WELL]);
      await b.cut();
      await store.storeTaskResult(taskId, 'completed', { content: [{ type: 'text', text: 'done' }] });
      b.letIn();
      expect(textOf(await result)).toBe('done');
    });

    test('gets what comes next also when it is back before that was noticed', async ({ store }) => {
      const { url, transport } = await serveResumable(store);
      const { taskId } = await store.createTask({ pollInterval: 50 }, 1, { method: 'tools/call' });
      const queue = openQueue();
      await queue.enqueue(taskId, numbered(1));
      const headers = {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2025-11-25',
        'mcp-session-id': transport.sessionId ?? '',
      };
      const body = JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tasks/result', params: { taskId } });
      const stale = readerOf(await fetch(url, { method: 'POST', headers, body }));
      const lastEventId = /(?<=^id: ).*(?=\ndata: .*"data":1)/m.exec(await readUntil(stale, '"data":1'))?.[0];
      await until(async () => (await queue.size(taskId)) === 0);
      const resumption = { headers: { ...headers, 'last-event-id': lastEventId ?? '' } };
      const resumed = readerOf(await fetch(url, resumption));
      // The SDK closes it.
      while (!(await stale.read()).done);
      await queue.enqueue(taskId, numbered(2));
      await readUntil(resumed, '"data":2');
      await store.storeTaskResult(taskId, 'completed', { content: [{ type: 'text', text: 'done' }] });
      await readUntil(resumed, 'done');
    });

    test('leaves it to another session, and gets its result, also when the task ends meanwhile', async ({
      store,
    }) => {
      const [b, c] = [await serveResumable(store), await serve(openReplicas(), store)];
      const { taskId } = await store.createTask({ pollInterval: 50 }, 1, { method: 'tools/call' });
      const queue = openQueue();
      await queue.enqueue(taskId, numbered(1));
      const result = b.taskResult(taskId);
      await until(() => b.logged.length === 1);
      await b.cut();
      for (const number of [2, 3]) await queue.enqueue(taskId, numbered(number));
      await store.storeTaskResult(taskId, 'completed', { content: [{ type: 'text', text: 'done' }] });
      const looks = vi.spyOn(store, 'getTask');
      await until(() => looks.mock.calls.length > 0);
      await c.taskResult(taskId);
      b.letIn();
      expect(textOf(await result)).toBe('done');
      expect([b.logged, c.received]).toEqual([[1], [2, 3]]);
    });

    test('gets the message that was about to be sent to it, once', async ({ store }) => {
      let cut: (() => Promise<void>) | undefined;
      const cutting: InMemoryTaskStore = Object.create(store);
      cutting.getTask = async (taskId) => {
        const cutNow = cut;
        cut = undefined;
        await cutNow?.();
        return store.getTask(taskId);
      };
      const b = await serveResumable(cutting);
      const { taskId } = await store.createTask({ pollInterval: 300_000 }, 1, { method: 'tools/call' });
      const result = b.taskResult(taskId);
      const queue = openQueue();
      await queue.enqueue(taskId, numbered(1));
      await until(() => b.logged.length === 1);
      // The next look at the task is the last one before the message is sent.
      cut = b.cut;
      await queue.enqueue(taskId, numbered(2));
      await until(() => cut === undefined);
      await until(async () => (await queue.size(taskId)) === 1);
      b.letIn();
      await until(() => b.logged.length === 2);
      expect(b.logged).toEqual([1, 2]);
      expect(await queue.size(taskId)).toBe(0);
      await b.client.close();
      await result;
    });

    test('leaves what is queued meanwhile to another session, if that comes first', async ({ store }) => {
      const [a, b, c] = [
        await serve(openReplicas(), store),
        await serveResumable(store),
        await serve(openReplicas(), store),
      ];
      const taskId = await a.startTask([{ hold: true }]);
      const results = [b.taskResult(taskId)];
      expect(await ask(a, taskId)).toEqual(ACCEPTED);
      await b.cut();
      const asked = ask(a, taskId);
      await until(async () => (await queueObserver().size(taskId)) === 1);
      results.push(c.taskResult(taskId).catch((error) => error));
      expect(await asked).toMatchObject({ action: 'accept' });
      expect([b.asked, c.received]).toEqual([[WELL], [WELL]]);
      b.letIn();
      await c.client.experimental.tasks.cancelTask(taskId);
      await Promise.all(results);
    });
  },
);

test('a client that has left before its request reaches the transport takes no message', async ({
  store,
}) => {
  const { taskId } = await store.createTask({ pollInterval: 50 }, 1, { method: 'tools/call' });
  await openQueue().enqueue(taskId, numbered(1));
  const link = openReplicas().link();
  const mcp = serverOf(link, store);
  onTestFinished(() => mcp.close());
  let hasFailed = false;
  mcp.server.onerror = () => (hasFailed = true);
  const transport = link.wrapTransport(new StreamableHTTPServerTransport({}));
  await mcp.connect(transport as Parameters<typeof mcp.connect>[0]);
  const client = new AbortController();
  const url = await listen(async (request, response) => {
    const body = JSON.parse(Buffer.concat(await request.toArray()).toString());
    // As while the user is authenticated.
    const left = once(response, 'close');
    client.abort();
    await left;
    await transport.handleRequest(request, response, body);
  });
  const answer = fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tasks/result', params: { taskId } }),
    signal: client.signal,
  });
  await expect(answer).rejects.toThrow('aborted');
  await until(async () => hasFailed || (await queueObserver().size(taskId)) === 0);
  expect(await queueObserver().size(taskId)).toBe(1);
});

describe('over Streamable HTTP of the Fetch API', () => {
  /** A server object that handles requests of the Fetch API itself. */
  async function serveFetch(
    store: InMemoryTaskStore,
    options: WebStandardStreamableHTTPServerTransportOptions = {},
  ) {
    const link = openReplicas().link();
    const mcp = serverOf(link, store);
    const transport = link.wrapTransport(new WebStandardStreamableHTTPServerTransport(options));
    await mcp.connect(transport as Parameters<typeof mcp.connect>[0]);
    onTestFinished(() => mcp.close());
    return transport;
  }

  /** Asks for the result of a task. */
  function resultRequest(taskId: string, signal: AbortSignal | null = null): Request {
    return new Request('http://replica/', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2025-11-25',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tasks/result', params: { taskId } }),
      signal,
    });
  }

  async function startTask(store: InMemoryTaskStore): Promise<string> {
    const { taskId } = await store.createTask({ pollInterval: 50 }, 1, { method: 'tools/call' });
    return taskId;
  }

  const end = (store: InMemoryTaskStore, taskId: string) =>
    store.storeTaskResult(taskId, 'completed', { content: [{ type: 'text', text: 'done' }] });

  test('messages are sent before the result, as they were without the wrapper', async ({ store }) => {
    const transport = await serveFetch(store);
    const taskId = await startTask(store);
    await openQueue().enqueue(taskId, numbered(7));
    const response = await transport.handleRequest(resultRequest(taskId));
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    const reader = readerOf(response);
    await readUntil(reader, '"data":7');
    await end(store, taskId);
    await readUntil(reader, 'done');
    expect((await reader.read()).done).toBe(true);
    const other = await serveFetch(store);
    const refusal = await other.handleRequest(new Request('http://replica/', { method: 'PUT' }));
    expect(refusal.status).toBe(405);
  });

  test('a transport that answers with JSON is refused, and the message stays', async ({ store }) => {
    const transport = await serveFetch(store, { enableJsonResponse: true });
    const taskId = await startTask(store);
    await openQueue().enqueue(taskId, numbered(1));
    const response = await transport.handleRequest(resultRequest(taskId));
    expect(await response.text()).toContain('answers with JSON');
    await until(async () => (await queueObserver().size(taskId)) === 1);
    await openQueue().dequeueAll(taskId);
  });

  test.for(['cancels the stream', 'aborts the request'])(
    'what comes after the client %s stays',
    async (how, { store }) => {
      const transport = await serveFetch(store);
      const taskId = await startTask(store);
      const queue = openQueue();
      await queue.enqueue(taskId, numbered(1));
      const leave = new AbortController();
      const response = await transport.handleRequest(resultRequest(taskId, leave.signal));
      const reader = readerOf(response);
      await readUntil(reader, '"data":1');
      await until(async () => (await queue.size(taskId)) === 0);
      if (how === 'aborts the request') leave.abort();
      else await reader.cancel();
      await queue.enqueue(taskId, numbered(2));
      const next = await serve(openReplicas(), store);
      const result = next.taskResult(taskId);
      await until(() => next.received.length > 0);
      await end(store, taskId);
      await result;
      expect(next.received.at(-1)).toBe(2);
    },
  );
});

describe('over the older HTTP+SSE transport', () => {
  test('questions are delivered and answered, and what comes when the stream has broken stays', async ({
    store,
  }) => {
    const a = await serve(openReplicas(), store);
    const link = openReplicas().link();
    const mcp = serverOf(link, store);
    let transport: SSEServerTransport | undefined;
    let stream: ServerResponse | undefined;
    const url = await listen((request, response) => {
      if (request.method === 'GET') {
        stream = response;
        transport = link.wrapTransport(new SSEServerTransport('/messages', response));
        void mcp.connect(transport);
      } else void transport?.handlePostMessage(request, response);
    });
    const b = await connect(new SSEClientTransport(url));
    const taskId = await a.startTask([{ hold: true }]);
    void b.taskResult(taskId);
    expect(await ask(a, taskId)).toEqual(ACCEPTED);
    expect(await ask(a, taskId)).toEqual(ACCEPTED);
    const closed = new Promise<void>((resolve) => {
      mcp.server.onclose = resolve;
    });
    stream?.socket?.destroy();
    await closed;
    const asked = ask(a, taskId);
    const result = a.taskResult(taskId).catch(() => {});
    expect(await asked).toMatchObject({ action: 'accept' });
    expect([b.asked, a.received]).toEqual([[WELL, WELL], [WELL]]);
    await a.client.experimental.tasks.cancelTask(taskId);
    await result;
  });
});

describe('a server object that is called in the process on behalf of another one’s HTTP request', () => {
  /** A user whose HTTP request is handled. @returns runs what that request starts, and ends the request */
  async function openRequest(replicas: Replicas, store: InMemoryTaskStore) {
    const link = replicas.link();
    const mcp = serverOf(link, store);
    let end = () => {};
    let inRequest: ReturnType<typeof AsyncLocalStorage.snapshot> | undefined;
    mcp.registerTool('wait', {}, async () => {
      inRequest = AsyncLocalStorage.snapshot();
      await new Promise<void>((resolve) => {
        end = resolve;
      });
      return { content: [] };
    });
    const transport = link.wrapTransport(new StreamableHTTPServerTransport({}));
    await mcp.connect(transport as Parameters<typeof mcp.connect>[0]);
    const auth = { token: 't', clientId: 'Ann', scopes: [] };
    const url = await listen((request, response) => {
      void transport.handleRequest(Object.assign(request, { auth }), response);
    });
    const params = { name: 'wait', arguments: {} };
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
    });
    await until(() => inRequest !== undefined);
    return {
      run: inRequest as NonNullable<typeof inRequest>,
      end: async () => {
        end();
        await response.text();
      },
    };
  }

  test('delivers its messages also when that request has ended', async ({ store }) => {
    const replicas = openReplicas();
    const inner = await serve(replicas, store);
    const outer = await openRequest(replicas, store);
    const taskId = await inner.startTask([{ log: 1 }, { elicit: 'one?' }]);
    await outer.end();
    const result = await outer.run(() => inner.taskResult(taskId));
    expect(textOf(result)).toBe('accept: yes to one?');
    expect(inner.received).toEqual([1, 'one?']);
  });

  test('creates tasks for its own client', async ({ store }) => {
    const replicas = openReplicas();
    const inner = await serve(replicas, store);
    const outer = await openRequest(replicas, store);
    const created = new Promise<string>((resolve) => {
      inner.mcp.server.setNotificationHandler(RootsListChangedNotificationSchema, async () => {
        const innerStore = inner.link.wrapTaskStore(store);
        const { taskId } = await innerStore.createTask({}, 1, { method: 'tools/call' });
        resolve(taskId);
      });
    });
    await outer.run(() => inner.sendRaw({ jsonrpc: '2.0', method: 'notifications/roots/list_changed' }));
    const taskId = await created;
    await inner.link.taskMessageQueue.enqueue(taskId, numbered(1));
    await store.storeTaskResult(taskId, 'completed', { content: [] });
    await inner.taskResult(taskId);
    expect(inner.received).toEqual([1]);
    await outer.end();
  });
});

describe('with quorum queues', () => {
  test('questions are answered, keep their order when they are given back, and are cleared', async ({
    store,
  }) => {
    const { url } = await newVhost();
    const warnings: TaskQueueError[] = [];
    const open = () => serve(openReplicas(warnings, { url, queueType: 'quorum' }), store);
    const [a, b] = [await open(), await open()];
    const taskId = await a.startTask([{ both: ['one?', 'two?'] }, { elicit: 'three?' }]);
    const queue = openQueue({ url });
    const rounds = Number(process.env.ROUNDS ?? 5);
    for (let round = 0; round < rounds; round++) {
      await until(async () => (await queue.size(taskId)) === 2);
      const gone = await open();
      const failures = breakPipe(gone);
      void gone.taskResult(taskId).catch(() => {});
      await until(() => failures() === 1);
    }
    const result = await b.taskResult(taskId);
    expect(textOf(result)).toBe('accept: yes to one?\naccept: yes to two?\naccept: yes to three?');
    expect(b.received).toEqual(['one?', 'two?', 'three?']);
    expect(warnings).toEqual([]);
  });
});
