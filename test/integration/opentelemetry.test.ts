import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type ConsumeMessage, connect } from 'amqplib';
import { expect, onTestFinished, test } from 'vitest';
import { decodeQueuedMessage } from '../../src/index.ts';
import { newTask, openClient } from '../support/tasks.ts';
import { until } from '../support/until.ts';
import { newVhost } from '../support/vhost.ts';

const script = fileURLToPath(new URL('../support/instrumented-replay.js', import.meta.url));

/** As somebody's publisher has stored it, long before. */
const STORED = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

/** What comes on the exchange of live events, by routing key. */
async function eventsOn(url: string): Promise<Map<string, ConsumeMessage>> {
  const connection = await connect(url);
  onTestFinished(() => connection.close());
  const channel = await connection.createChannel();
  await channel.assertExchange('mcp:events', 'topic', { durable: true });
  const { queue } = await channel.assertQueue('', { exclusive: true });
  for (const key of ['listening', 'enqueued.#']) await channel.bindQueue(queue, 'mcp:events', key);
  const events = new Map<string, ConsumeMessage>();
  const note = (event: ConsumeMessage | null) => event && events.set(event.fields.routingKey, event);
  await channel.consume(queue, note, { noAck: true });
  return events;
}

test('under the OpenTelemetry instrumentation of amqplib, messages go where they should, with their own traceparent', async () => {
  const { url } = await newVhost();
  const client = openClient({ url });
  const [from, to, untraced] = [newTask('from'), newTask('to'), newTask('untraced')];
  const properties = { delivery_mode: 2, message_id: 'm-1', headers: { traceparent: STORED, other: 'x' } };
  await client.publish(from, { body: Buffer.from('first'), properties });
  await client.publish(from, { body: Buffer.from('second'), properties: { headers: { other: 'y' } } });
  const before = await client.peek(from, { limit: 2 });
  const events = await eventsOn(url);
  const loggedIn = url.replace('://', '://guest:guest@');
  const { stdout } = await promisify(execFile)(process.execPath, [script, loggedIn, from, to, untraced]);
  const { received, spans } = JSON.parse(stdout);
  expect(received).toMatchObject({ type: 'notification' });

  const after = await client.peek(to, { limit: 3 });
  const stored = (message: (typeof before)[number] | undefined) => [message?.body, message?.properties];
  expect(after.slice(0, 2).map(stored)).toEqual(before.map(stored));
  expect(after[0]?.properties.headers).toEqual(properties.headers);
  expect(decodeQueuedMessage(to, after[2]?.body as Buffer)).toMatchObject({ type: 'notification' });

  // The headers that the instrumentation adds to one event are not those of the next.
  await until(() => events.has(`enqueued.${untraced}`));
  const headersOf = (task: string) => events.get(`enqueued.${task}`)?.properties.headers;
  expect(headersOf(to)).toHaveProperty('traceparent');
  expect(headersOf(untraced)).not.toHaveProperty('traceparent');

  const names = spans.map(({ name }: { name: string }) => name);
  expect(names).toContain(`mcp:queue:${from} process`);
  expect(names).toContain('publish mcp:events');
  expect(JSON.stringify(spans)).not.toContain('guest');
});
