import { describe, expect, test } from 'vitest';
import {
  parseRecord,
  pruneTaskQueues,
  RabbitMQTaskMessageQueue,
  redactUrl,
  TaskQueueClient,
  watchTasks,
} from '../../src/index.ts';
import { startBroker } from '../../src/local-broker/index.ts';
import { Replicas } from '../../src/replicas/index.ts';

/*
 * What JavaScript callers may pass, and what no type forbids. Nobody listens at this URL: nothing is sent.
 */
const url = 'amqp://127.0.0.1:1';
const queue = new RabbitMQTaskMessageQueue(url);
const client = new TaskQueueClient(url);
const message = { type: 'notification', timestamp: 1, message: { jsonrpc: '2.0', method: 'm' } } as const;
const circular: { self?: unknown } = {};
circular.self = circular;

const IDS: [string, unknown][] = [
  ['a bigint', 5n],
  ['a number', 5],
  ['a symbol', Symbol('id')],
  ['an object', circular],
  ['null', null],
  ['undefined', undefined],
];

const CALLS: [string, (id: never) => unknown][] = [
  ['enqueue', (id) => queue.enqueue(id, message)],
  ['dequeue', (id) => queue.dequeue(id)],
  ['dequeueAll', (id) => queue.dequeueAll(id)],
  ['peek', (id) => queue.peek(id)],
  ['size', (id) => queue.size(id)],
  ['waitForMessage', (id) => queue.waitForMessage(id)],
  ['publish', (id) => client.publish(id, { body: Buffer.of(), properties: {} })],
  ['take', (id) => client.take(id, () => {})],
  ['drain', (id) => client.drain(id, () => {})],
  ['browse', (id) => client.browse(id, () => {})],
  ['depth', (id) => client.depth(id)],
  ['deleteIfUnused', (id) => client.deleteIfUnused(id)],
  ['queueKind', (id) => client.queueKind(id)],
  ['watchTasks', (id) => watchTasks(client, [id]).next()],
];

describe.each(CALLS)('%s', (_, call) => {
  test.each(IDS)('refuses a task id that is %s', async (kind, id) => {
    await expect(call(id as never)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: `Task id is unusable: it is ${kind}, not a string`,
    });
  });
});

test('watching and pruning refuse one id in place of a list, whose characters would be taken for ids', async () => {
  const refusal = (name: string) => ({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(`^Argument ${name} must be `),
  });
  const isWrong = 'abc' as never;
  await expect(watchTasks(client, isWrong).next()).rejects.toMatchObject(refusal('taskIds'));
  await expect(pruneTaskQueues(client, isWrong).next()).rejects.toMatchObject(refusal('taskIds'));
  await expect(watchTasks(url as never, []).next()).rejects.toMatchObject(refusal('client'));
  await expect(pruneTaskQueues(queue as never, []).next()).rejects.toMatchObject(refusal('client'));
});

test('a client connects for a kind of work that there is', async () => {
  await expect(client.connect('write' as never)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: 'Argument work must be one of read, publish, delete',
  });
});

test.each<[name: string, options: unknown]>([
  ['The options', 5],
  ['Option port', { port: '5672' }],
  ['Option port', { port: 65_536 }],
  ['Option apiPort', { apiPort: 0 }],
  ['Option startTimeoutMs', { startTimeoutMs: 2 ** 31 }],
  ['Option startTimeoutMs', { startTimeoutMs: 0 }],
  ['Option dataDir', { dataDir: 5 }],
  ['Option config', { config: 'vm_memory_high_watermark.relative = 0.5' }],
  ['Option plugins', { plugins: [5] }],
  ['Option signal', { signal: {} }],
  ['Option instal', { instal: true }],
])('a private broker is not started with a wrong option: %s, %j', async (name, options) => {
  await expect(startBroker(options as never)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(`^${name} (must be|is unknown: did you mean)`),
  });
});

test('null counts as left out, also for a private broker', async () => {
  const nulls = {
    port: null,
    apiPort: null,
    config: null,
    plugins: null,
    startTimeoutMs: null,
    onProgress: null,
  };
  const signal = AbortSignal.abort(new Error('as far as the options'));
  await expect(startBroker({ ...nulls, signal } as never)).rejects.toThrow('as far as the options');
});

test('a record that is not a string is refused, and whatever is to be printed is redacted', () => {
  expect(() => parseRecord(undefined as never)).toThrow('it is undefined, not a string');
  expect(redactUrl(new URL('amqp://u:s3cret@h') as never)).toBe('amqp://***@h');
  expect(redactUrl(undefined as never)).toBe('undefined');
});

describe('a link of replicas', () => {
  const secret = 'x'.repeat(32);
  const link = new Replicas({ url, secret }).link();

  test('wraps a frozen task store, and keeps what it is', async () => {
    class Store {
      readonly own = 1;
      #ofMine = 2;
      getTask = async (taskId: string) => ({ taskId, status: 'working' });
      createTask = async () => ({ taskId: 'new' });
      mine() {
        return this.#ofMine;
      }
    }
    const store = link.wrapTaskStore(Object.freeze(new Store()));
    expect(await store.getTask('a')).toMatchObject({ taskId: 'a' });
    expect(await store.createTask()).toEqual({ taskId: 'new' });
    expect(store.mine()).toBe(2);
    expect(store).toBeInstanceOf(Store);
    expect({ ...store }).toMatchObject({ own: 1, getTask: expect.any(Function) });
    expect('mine' in store).toBe(true);
  });

  test('refuses what is not a store or transport', () => {
    for (const wrong of [undefined, 'stdio', {}, new Map(), Promise.resolve(new Replicas({ url, secret }))]) {
      expect(() => link.wrapTaskStore(wrong as never)).toThrow('Argument store must be a TaskStore');
      expect(() => link.wrapTransport(wrong as never)).toThrow('Argument transport must be a Transport');
    }
  });
});
