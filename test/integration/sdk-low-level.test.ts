import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import {
  CallToolResultSchema,
  ElicitRequestSchema,
  type ElicitResult,
  GetTaskPayloadRequestSchema,
  LoggingMessageNotificationSchema,
  McpError,
} from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { isTaskQueueError, type RabbitMQTaskMessageQueue } from '../../src/index.ts';
import { ask, deliver } from '../examples/low-level.ts';
import { newTask, numbered, observer, openQueue } from '../support/tasks.ts';
import { until } from '../support/until.ts';

type Result = { content: { type: 'text'; text: string }[] };

/** A server of our own, that answers tasks/result from the queue alone, and a client of it. */
async function serve(queue: RabbitMQTaskMessageQueue, resultOf: () => Result | undefined) {
  const server = new Server({ name: 'own', version: '1' }, { capabilities: { logging: {}, tasks: {} } });
  server.setRequestHandler(GetTaskPayloadRequestSchema, async ({ params: { taskId } }, extra) => {
    for (;;) {
      const result = resultOf();
      // What was queued before the result goes out before it.
      await deliver(queue, taskId, server, extra.requestId);
      if (result) return result;
      await queue.waitForMessage(taskId, { signal: extra.signal, timeoutMs: 100 }).catch((error) => {
        if (!isTaskQueueError(error) || error.code !== 'WAIT_TIMEOUT') throw error;
      });
    }
  });
  const client = new Client({ name: 'c', version: '1' }, { capabilities: { elicitation: { form: {} } } });
  const received: unknown[] = [];
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
    received.push(params.data);
  });
  const [atServer, atClient] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(atServer), client.connect(atClient)]);
  onTestFinished(() => client.close());
  const answer = (reply: (message: string) => ElicitResult | Promise<ElicitResult>) =>
    client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
      received.push(params.message);
      return reply(params.message);
    });
  const taskResult = (taskId: string) =>
    client.request({ method: 'tasks/result', params: { taskId } }, CallToolResultSchema);
  return { received, answer, taskResult };
}

/** What the client is asked, with the schema that the protocol wants. */
function question(message: string) {
  const requestedSchema = { type: 'object', properties: {} };
  return { method: 'elicitation/create', params: { mode: 'form', message, requestedSchema } };
}

describe('with a server of your own, originalRequestId as the way back and waitForMessage,', () => {
  test('a worker gets the answers of a client that another process talks to', async () => {
    const task = newTask();
    const worker = openQueue();
    let result: Result | undefined;
    const { received, answer, taskResult } = await serve(openQueue(), () => result);
    answer((message) => ({ action: 'accept', content: { to: message } }));

    const outcome = taskResult(task);
    await worker.enqueue(task, numbered(1));
    const first = await ask(worker, task, question('one?'), { timeoutMs: 50_000 });
    await worker.enqueue(task, numbered(2));
    const second = await ask(worker, task, question('two?'), { timeoutMs: 50_000 });
    result = { content: [{ type: 'text', text: 'done' }] };

    expect(first).toEqual({ action: 'accept', content: { to: 'one?' } });
    expect(second).toEqual({ action: 'accept', content: { to: 'two?' } });
    expect(received).toEqual([1, 'one?', 2, 'two?']);
    expect(await outcome).toEqual(result);
  });

  test('questions that were queued before anybody asked for the result are answered then', async () => {
    const task = newTask();
    const worker = openQueue();
    let result: Result | undefined;
    const asked = Promise.all(
      ['a?', 'b?', 'c?'].map((text) => ask(worker, task, question(text), { timeoutMs: 50_000 })),
    );
    await until(async () => (await worker.size(task)) === 3);
    const { answer, taskResult } = await serve(openQueue(), () => result);
    answer((message) => ({ action: 'accept', content: { to: message } }));
    const outcome = taskResult(task);
    expect(await asked).toEqual(
      ['a?', 'b?', 'c?'].map((message) => ({ action: 'accept', content: { to: message } })),
    );
    result = { content: [] };
    await outcome;
  });

  test('an answer that comes late does not hold up what is queued behind the question', async () => {
    const task = newTask();
    const worker = openQueue();
    let result: Result | undefined;
    let reply: (answer: ElicitResult) => void = () => {};
    const { received, answer, taskResult } = await serve(openQueue(), () => result);
    answer(() => new Promise((resolve) => (reply = resolve)));
    const outcome = taskResult(task);
    const asked = ask(worker, task, question('well?'), { timeoutMs: 50_000 });
    await until(() => received.includes('well?'));
    await worker.enqueue(task, numbered(1));
    await until(() => received.includes(1));
    reply({ action: 'decline' });
    expect(await asked).toEqual({ action: 'decline' });
    result = { content: [] };
    await outcome;
  });

  test('an error of the client reaches the worker as one', async () => {
    const task = newTask();
    let result: Result | undefined;
    const { answer, taskResult } = await serve(openQueue(), () => result);
    answer(() => {
      throw new McpError(-32_001, 'the user has gone');
    });
    const outcome = taskResult(task);
    await expect(ask(openQueue(), task, question('?'), { timeoutMs: 50_000 })).rejects.toThrow(
      'the user has gone',
    );
    result = { content: [] };
    await outcome;
  });

  test('nobody answering ends the wait by its deadline, and leaves the question queued and no queue for the reply', async () => {
    const task = newTask();
    const worker = openQueue();
    await expect(ask(worker, task, question('?'), { timeoutMs: 200 })).rejects.toMatchObject({
      code: 'WAIT_TIMEOUT',
    });
    const queued = await worker.peek(task);
    expect(queued).toMatchObject({ type: 'request', originalRequestId: expect.any(String) });
    expect(await observer().depth(`reply:${queued?.originalRequestId}`)).toBeUndefined();
  });
});
