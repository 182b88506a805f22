import { describe, expect, test } from 'vitest';
import type { TaskQueueOptions } from '../../src/index.ts';
import { newTask, numbered, observer, openClient, openQueue, raw } from '../support/tasks.ts';
import { newVhost } from '../support/vhost.ts';
import { collectWarnings } from '../support/warnings.ts';

const MALFORMED: [what: string, body: Buffer][] = [
  ['not JSON', Buffer.from('not JSON')],
  ['nothing', Buffer.alloc(0)],
  ['another shape', Buffer.from('{"type":"request"}')],
  ['an array', Buffer.from('[]')],
  ['bytes that are not UTF-8', Buffer.from([0xff, 0xfe, 0x00, 0x80])],
];

/** A task with a malformed message between two others, and a queue that says what it warns about. */
async function taskWith(body: Buffer, options: TaskQueueOptions = {}, task = newTask()) {
  const { warnings, onStatus } = collectWarnings();
  const queue = openQueue({ onStatus, ...options });
  const client = openClient(options);
  await queue.enqueue(task, numbered(0));
  const properties = { delivery_mode: 2, message_id: 'stray', headers: { from: 'somebody' } };
  await client.publish(task, { body, properties });
  await queue.enqueue(task, numbered(1));
  return { task, queue, client, warnings };
}

describe('a malformed message', () => {
  test.each(MALFORMED)('(%s) is set aside by dequeue, and the rest is delivered', async (_what, body) => {
    const { task, queue, client, warnings } = await taskWith(body);
    expect(await queue.dequeue(task)).toEqual(numbered(0));
    expect(await queue.dequeue(task)).toEqual(numbered(1));
    expect(await queue.dequeue(task)).toBeUndefined();
    const [kept, ...more] = await client.peek(`${task}:malformed`, { limit: 9 });
    expect(kept?.body).toEqual(body);
    expect(kept?.properties).toMatchObject({
      message_id: 'stray',
      headers: { from: 'somebody', 'x-mcp-taskq-malformed': expect.any(String) },
    });
    expect(more).toEqual([]);
    expect(warnings).toMatchObject([
      { code: 'MALFORMED_MESSAGE', message: expect.stringContaining(`${task}:malformed`) },
    ]);
  });

  test('is set aside by dequeueAll, which returns the others and deletes the queue', async () => {
    const { task, queue, client, warnings } = await taskWith(Buffer.from('{'));
    expect(await queue.dequeueAll(task)).toEqual([numbered(0), numbered(1)]);
    expect(await client.depth(task)).toBeUndefined();
    expect(await client.depth(`${task}:malformed`)).toMatchObject({ messages: 1 });
    expect(warnings).toHaveLength(1);
  });

  test('is refused by peek, which changes nothing', async () => {
    const task = newTask();
    await openClient().publish(task, raw('{'));
    await expect(openQueue().peek(task)).rejects.toMatchObject({ name: 'MalformedMessageError' });
    expect(await observer().depth(task)).toMatchObject({ messages: 1 });
  });

  test('stays where it is, and is carried by the error, with onMalformed "throw"', async () => {
    const { task, queue, client, warnings } = await taskWith(Buffer.from('{"a":1}'), {
      onMalformed: 'throw',
    });
    await queue.dequeue(task);
    for (const method of ['dequeue', 'dequeueAll', 'clear'] as const) {
      await expect(queue[method](task)).rejects.toMatchObject({
        name: 'MalformedMessageError',
        code: 'MALFORMED_MESSAGE',
        taskId: task,
        body: Buffer.from('{"a":1}'),
        reason: '"timestamp" is not a string',
      });
    }
    expect(await client.depth(task)).toMatchObject({ messages: 2 });
    expect(warnings).toEqual([]);
  });

  test('stays where it is when the id of the other task would be too long, and the error says so', async () => {
    const task = newTask('long').padEnd(243, 'x');
    const { queue, client, warnings } = await taskWith(Buffer.from('{'), {}, task);
    await queue.dequeue(task);
    await expect(queue.dequeue(task)).rejects.toMatchObject({ name: 'MalformedMessageError' });
    expect(await client.depth(task)).toMatchObject({ messages: 2 });
    expect(warnings).toMatchObject([{ code: 'INVALID_ARGUMENT' }]);
    await client.clear(task);
  });

  test('in the queue of those that were set aside stays there', async () => {
    const { task, queue, client } = await taskWith(Buffer.from('{'));
    await queue.dequeueAll(task);
    const sibling = `${task}:malformed`;
    await expect(queue.dequeue(sibling)).rejects.toMatchObject({ name: 'MalformedMessageError' });
    expect(await client.depth(sibling)).toMatchObject({ messages: 1 });
  });

  test('on a quorum queue is not worn out by retries, also with onMalformed "throw"', async () => {
    const { url } = await newVhost();
    const options = { url, queueType: 'quorum', onMalformed: 'throw' } as const;
    const { task, queue, client } = await taskWith(Buffer.from('{'), options, 'task');
    await queue.dequeue(task);
    const outcomes: unknown[] = [];
    for (let round = 0; round < 30 && outcomes.at(-1) !== 1; round++) {
      // What is given back to a quorum queue is there again a moment later.
      const outcome = await queue.dequeue(task).catch(({ code }) => code);
      outcomes.push(typeof outcome === 'object' ? outcome.timestamp - numbered(0).timestamp : outcome);
    }
    expect(outcomes.at(-1)).toBe(1);
    expect(outcomes).toContain('MALFORMED_MESSAGE');
    expect(await client.depth(`${task}:malformed`)).toMatchObject({ messages: 1 });
  });
});
