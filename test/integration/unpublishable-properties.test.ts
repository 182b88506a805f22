import { expect, test } from 'vitest';
import type { MessageProperties, RawMessage } from '../../src/index.ts';
import { field, propertyList, short, table } from '../support/amqp-bytes.ts';
import { newTask, openClient } from '../support/tasks.ts';

const body = Buffer.from('{}');
const headers = (h: unknown): Pick<RawMessage, 'properties'> => ({ properties: { headers: { h } } });
const bytes = (list: Buffer) => ({ properties: {}, propertyList: list });

/** RabbitMQ closes the whole connection for each of these (541), or the channel (406). */
test.each<[string, Pick<RawMessage, 'properties' | 'propertyList'>]>([
  ['NaN', headers(Number.NaN)],
  ['an infinite number', headers([{ deep: { '!': 'float', value: '-Infinity' } }])],
  ['a type that there is not', bytes(propertyList({ headers: table(['h', field('Z')]) }))],
  [
    'bytes after the last property',
    bytes(Buffer.concat([propertyList({ type: short('t') }), Buffer.alloc(1)])),
  ],
  ['flags that there are not', bytes(Buffer.from([0, 1, 0, 0]))],
  ['the address of direct replies', { properties: { reply_to: 'amq.rabbitmq.reply-to' } }],
  ['an expiration of more than ten years', { properties: { expiration: '315360000001' } }],
])(
  'A message with %s is refused alone, and those that are under way with it are stored',
  async (_, message) => {
    const [client, task] = [openClient(), newTask()];
    const good = { body, properties: { delivery_mode: 2 } satisfies MessageProperties };
    const outcomes = await Promise.allSettled([
      client.publish(task, good),
      client.publish(task, { body, ...message }, { keepExpiration: true }),
      client.publish(task, good),
    ]);
    expect(outcomes).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { code: 'INVALID_MESSAGE' } },
      { status: 'fulfilled' },
    ]);
    expect(await client.depth(task)).toMatchObject({ messages: 2 });
  },
);
