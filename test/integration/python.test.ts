import { describe, expect, test } from 'vitest';
import type { QueuedMessage } from '../../src/index.ts';
import { sharedBroker } from '../support/broker.ts';
import { providePika, runPython } from '../support/python.ts';
import { REFERENCE_MESSAGES } from '../support/reference-messages.ts';
import { newTask, numbered, openClient, openQueue } from '../support/tasks.ts';

const python = providePika();

describe.runIf(python)('Python with pika, by the wire format of rabbitmq-mcp-task-queue,', () => {
  const run = (words: string[], input?: string[]) => runPython(python as string, words, input);
  const { url } = sharedBroker();

  const request: QueuedMessage = {
    type: 'request',
    timestamp: 1_767_225_600_123,
    originalRequestId: 'c0ffee-1',
    message: {
      jsonrpc: '2.0',
      id: 1,
      method: 'elicitation/create',
      params: { message: 'Delete “Ünïcode” 🗑?' },
    },
  };

  test('takes what we enqueued, from the queue that we made', async () => {
    const task = newTask();
    const queue = openQueue();
    await queue.enqueue(task, request);
    await queue.enqueue(task, numbered(2));
    expect(await run(['take', url, task, '2'])).toEqual([
      {
        type: 'request',
        message: request.message,
        queued_at_ms: request.timestamp,
        original_request_id: 'c0ffee-1',
      },
      {
        type: 'notification',
        message: numbered(2).message,
        queued_at_ms: numbered(2).timestamp,
        original_request_id: null,
      },
    ]);
  });

  test('has its messages taken by us, from the queue that it made', async () => {
    const task = newTask();
    const before = Date.now();
    await run(
      ['put', url, task],
      [
        { type: 'request', message: request.message, original_request_id: 'c0ffee-1' },
        { type: 'request', message: { jsonrpc: '2.0', id: 'a', method: 'ping' }, original_request_id: 7 },
        { type: 'notification', message: { jsonrpc: '2.0', method: 'notifications/cancelled' } },
      ].map((line) => JSON.stringify(line)),
    );
    const queue = openQueue();
    const [first, second, third, ...rest] = await queue.dequeueAll(task);
    expect(first).toEqual({ ...request, timestamp: expect.any(Number) });
    expect(second).toMatchObject({
      originalRequestId: 7,
      message: { jsonrpc: '2.0', id: 'a', method: 'ping' },
    });
    expect(third?.message).toEqual({ jsonrpc: '2.0', method: 'notifications/cancelled' });
    expect(rest).toEqual([]);
    expect(first?.timestamp).toBeGreaterThanOrEqual(before);
    expect(first?.timestamp).toBeLessThanOrEqual(Date.now());
  });

  test('and we put and take on one queue at the same time, and each message arrives once and in order', async () => {
    const task = newTask();
    const queue = openQueue();
    const put = (from: number) =>
      Array.from({ length: 50 }, (_, index) =>
        JSON.stringify({ type: 'notification', message: { ...numbered(from + index).message } }),
      );
    const ours = (async () => {
      for (let index = 0; index < 50; index++) await queue.enqueue(task, numbered(index));
    })();
    const taking = run(['take', url, task, '60']);
    const [, , inPython] = await Promise.all([ours, run(['put', url, task], put(1000)), taking]);
    const here = await queue.dequeueAll(task);
    const numberOf = (message: unknown) =>
      (message as { message: { params: { data: number } } }).message.params.data;
    const seen = [...inPython, ...here].map(numberOf);
    expect(inPython).toHaveLength(60);
    expect(seen.filter((number) => number < 1000)).toEqual(Array.from({ length: 50 }, (_, index) => index));
    expect(seen.filter((number) => number >= 1000)).toEqual(
      Array.from({ length: 50 }, (_, index) => 1000 + index),
    );
  });
});

test('what Python wrote passes through a queue and is decoded by either reader', async () => {
  const task = newTask();
  const client = openClient();
  for (const { body, properties } of REFERENCE_MESSAGES) await client.publish(task, { body, properties });
  const messages = await openQueue().dequeueAll(task);
  expect(messages.map(({ type }) => type)).toEqual(
    REFERENCE_MESSAGES.map(({ body }) => JSON.parse(body.toString()).type),
  );
});
