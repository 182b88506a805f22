import { expect, test } from 'vitest';
import { type DrainOptions, ErrorCode, type StoredMessage, type TaskQueueClient } from '../../src/index.ts';
import { newTask, openClient, raw } from '../support/tasks.ts';

/** What JavaScript may pass where TypeScript would not let it. */
type AnyHandler = (batch: StoredMessage[], before: number) => Promise<void>;

async function filled(client: TaskQueueClient, count = 4): Promise<string> {
  const task = newTask();
  for (let index = 0; index < count; index++) await client.publish(task, raw(`${index}`));
  return task;
}

async function bodiesOf(client: TaskQueueClient, task: string): Promise<string[]> {
  return (await client.peek(task, { limit: 10 })).map(({ body }) => body.toString());
}

test('a select that returns promises removes nothing, as each of them would count as true', async () => {
  const client = openClient();
  const task = await filled(client);
  for (const select of [async () => false, () => Promise.reject(new Error('unseen'))]) {
    const draining = client.drain(task, () => {}, { select: select as unknown as () => boolean });
    await expect(draining).rejects.toMatchObject({
      code: ErrorCode.invalidArgument,
      message: expect.stringContaining('select'),
    });
  }
  expect(await bodiesOf(client, task)).toEqual(['0', '1', '2', '3']);
});

test.each<[string, (batch: StoredMessage[]) => unknown]>([
  ['copies of messages', (batch) => batch.map((message) => ({ ...message }))],
  ['messages and a copy', ([first, second]) => [first, { ...second }]],
  [
    'results of its own work',
    (batch) => Promise.all(batch.map(async ({ body }) => ({ bytes: body.length }))),
  ],
])('a handler that returns %s keeps its batch', async (_what, handle) => {
  const client = openClient();
  const task = await filled(client);
  await expect(client.drain(task, handle as AnyHandler)).rejects.toMatchObject({
    code: ErrorCode.invalidArgument,
    hint: expect.stringContaining('copies'),
  });
  expect(await bodiesOf(client, task)).toEqual(['0', '1', '2', '3']);
});

test.each<[string, (batch: StoredMessage[]) => unknown]>([
  ['a number', (batch) => batch.length],
  ['a string', () => 'done'],
  ['an object', () => ({ bytesWritten: 5 })],
  ['nothing for each', (batch) => Promise.all(batch.map(async () => {}))],
])('a handler that returns %s removes its batch', async (_what, handle) => {
  const client = openClient();
  const task = await filled(client);
  expect(await client.drain(task, handle as AnyHandler)).toBe(4);
});

test('a handler may return a set, and one message twice', async () => {
  const client = openClient();
  const task = await filled(client);
  // A busy broker may deliver a batch in several.
  const asSet = (batch: StoredMessage[]) => new Set(batch.filter(({ body }) => /[12]/.test(`${body}`)));
  expect(await client.drain(task, asSet as unknown as AnyHandler)).toBe(2);
  const twice = (batch: StoredMessage[]) =>
    batch.flatMap((message) => (`${message.body}` === '1' ? [message, message] : []));
  expect(await client.drain(task, twice)).toBe(1);
  expect(await bodiesOf(client, task)).toEqual(['1']);
});

test('a handler may change the array that it is given', async () => {
  const client = openClient();
  const task = await filled(client);
  const keepLast = (batch: StoredMessage[]) => batch.reverse().filter(({ body }) => `${body}` === '3');
  expect(await client.drain(task, keepLast)).toBe(3);
  expect(await bodiesOf(client, task)).toEqual(['3']);

  const other = await filled(client);
  const takeAll = (batch: StoredMessage[]) => void batch.splice(0);
  expect(await client.browse(other, takeAll, { limit: 4 })).toBe(4);
  const isEven = ({ body }: StoredMessage) => Number(body.toString()) % 2 === 0;
  expect(await client.drain(other, takeAll, { select: isEven })).toBe(2);
  expect(await bodiesOf(client, other)).toEqual(['1', '3']);
});

test.each(['onRead', 'onRemoved', 'onEnd'] as const)(
  'a rejection of %s is passed on, and ends no process',
  async (name) => {
    const client = openClient();
    const task = await filled(client);
    const mine = new Error('mine');
    const options: DrainOptions = { batchSize: 1, [name]: async () => Promise.reject(mine) };
    await expect(client.drain(task, () => {}, options)).rejects.toBe(mine);
    const left = { onRead: ['0', '1', '2', '3'], onRemoved: ['1', '2', '3'], onEnd: [] }[name];
    expect(await bodiesOf(client, task)).toEqual(left);
  },
);
