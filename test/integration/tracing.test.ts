import { channel, tracingChannel } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { expect, inject, onTestFinished, test } from 'vitest';
import { traceEnqueue } from '../../src/diagnostics/tracing.ts';
import { MalformedMessageError } from '../../src/index.ts';
import { newTask, openClient, openQueue, raw } from '../support/tasks.ts';

const SECRET = 'the words of the body';

/** What comes on the five channels of an operation, while this test runs. */
function traced(operation: 'enqueue' | 'dequeue' | 'connect') {
  const published: { event: string; trace: Record<string, unknown> }[] = [];
  const on = (event: string) => (trace: object) => void published.push({ event, trace: { ...trace } });
  const subscribers = {
    start: on('start'),
    end: on('end'),
    asyncStart: on('asyncStart'),
    asyncEnd: on('asyncEnd'),
    error: on('error'),
  };
  const channels = tracingChannel(`mcp-taskq:${operation}`);
  channels.subscribe(subscribers);
  onTestFinished(() => void channels.unsubscribe(subscribers));
  return {
    events: () => published.map(({ event }) => event),
    last: () => published.at(-1)?.trace,
    /** Everything that a subscriber can find. */
    all: () => inspect(published, { depth: 12, showHidden: true, maxStringLength: null }),
  };
}

test('a publish is traced with ids and its size, without the body', async () => {
  const { events, last, all } = traced('enqueue');
  const client = openClient();
  const task = newTask();
  await client.publish(task, { ...raw(SECRET), properties: { delivery_mode: 2, message_id: 'm-1' } });
  expect(events()).toEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
  expect(last()).toMatchObject({
    taskId: task,
    queue: `mcp:queue:${task}`,
    messageId: 'm-1',
    bytes: SECRET.length,
  });
  expect(all()).not.toContain(SECRET);
});

test('a publish that fails is traced with its error', async () => {
  const { events, last } = traced('enqueue');
  const failure = await openClient()
    .publish(newTask(), raw('a'), { create: false })
    .catch((error) => error);
  expect(events()).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd']);
  expect(last()?.error).toBe(failure);
  expect(failure).toMatchObject({ code: 'QUEUE_NOT_FOUND' });
});

test('whatever removes messages is traced with their number and size, without their bodies', async () => {
  const client = openClient();
  const task = newTask();
  for (let index = 0; index < 6; index++) {
    await client.publish(task, { ...raw(SECRET), properties: { message_id: `m-${index}` } });
  }
  const { last, all } = traced('dequeue');
  const one = { taskId: task, queue: `mcp:queue:${task}`, messages: 1, bytes: SECRET.length };
  expect(await client.dequeue(task, ({ body }) => body.toString())).toBe(SECRET);
  expect(last()).toMatchObject({ ...one, messageId: 'm-0' });
  expect(await client.take(task, ({ body }) => body.toString())).toBe(SECRET);
  expect(last()).toMatchObject({ ...one, messageId: 'm-1' });
  await client.drain(task, () => {}, { limit: 2 });
  expect(last()).toMatchObject({ messages: 2, bytes: 2 * SECRET.length });
  await client.clear(task);
  expect(last()).toMatchObject({ messages: 2, bytes: 2 * SECRET.length });
  expect(all()).not.toContain(SECRET);
});

test('an error that carries the body is traced without it, and reaches the caller as it is', async () => {
  const task = newTask();
  await openClient().publish(task, raw(SECRET));
  const { last, all } = traced('dequeue');
  await expect(openQueue({ onMalformed: 'throw' }).dequeue(task)).rejects.toBeInstanceOf(
    MalformedMessageError,
  );
  expect(last()).toMatchObject({ messages: 0, error: { code: 'MALFORMED_MESSAGE' } });
  const failure = new Error(SECRET);
  await expect(openClient().take(task, () => Promise.reject(failure))).rejects.toBe(failure);
  expect(last()).toMatchObject({ error: expect.any(Error) });
  expect(all()).not.toContain(SECRET);
});

test('an attempt to connect is traced with its node, without the password', async () => {
  const { events, last, all } = traced('connect');
  const { host } = new URL(inject('url'));
  await openClient().connect();
  expect(last()).toEqual({ connection: 'read', node: host, result: undefined });
  const url = inject('url').replace('://', '://nobody:sesame@');
  await expect(openClient({ url }).connect('publish')).rejects.toMatchObject({
    code: 'AUTHENTICATION_FAILED',
  });
  expect(events().slice(-3)).toEqual(['error', 'asyncStart', 'asyncEnd']);
  expect(last()).toMatchObject({
    connection: 'publish',
    node: host,
    error: { code: 'AUTHENTICATION_FAILED' },
  });
  expect(all()).not.toContain('sesame');
});

test('nothing is made for a trace while nobody subscribes, and one channel of the five is enough', async () => {
  let made = 0;
  const trace = () => {
    made++;
    return { taskId: 't', queue: 'q', messageId: undefined, bytes: 0 };
  };
  const result = Promise.resolve(1);
  expect(traceEnqueue(trace, () => result)).toBe(result);
  expect(made).toBe(0);
  const ended = channel('tracing:mcp-taskq:enqueue:asyncEnd');
  const subscriber = () => {};
  ended.subscribe(subscriber);
  onTestFinished(() => void ended.unsubscribe(subscriber));
  expect(await traceEnqueue(trace, () => result)).toBe(1);
  expect(made).toBe(1);
});
