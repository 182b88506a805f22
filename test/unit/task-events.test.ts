import { describe, expect, test } from 'vitest';
import {
  decodeEvents,
  encodeEvents,
  eventPatterns,
  routingKeyOf,
  type TaskEvent,
} from '../../src/events/task-events.ts';

const queue = 'mcp:queue:a.b';
const enqueued = (body: Buffer | undefined, bodyBytes = body?.length ?? 0): TaskEvent => ({
  event: 'enqueued',
  taskId: 'a.b',
  queue,
  at: 1_767_225_600_000,
  body,
  bodyBytes,
  properties: {
    message_id: 'm',
    timestamp: { '!': 'uint64', value: '18446744073709551615' },
    headers: { bytes: Buffer.from([0, 255]), nested: { CC: ['x'] }, typed: { '!': 'int32', value: 7 } },
  },
});

describe('events', () => {
  test.each<[string, TaskEvent[]]>([
    [
      'messages, whatever their bytes',
      [enqueued(Buffer.from('{"a":1}\n\n')), enqueued(Buffer.from([0, 10, 255])), enqueued(Buffer.alloc(0))],
    ],
    [
      'a message whose properties the typed form does not say',
      [
        {
          ...enqueued(Buffer.from('x')),
          properties: { type: 't' },
          propertyList: Buffer.from([0, 32, 1, 0x74, 9]),
        } as TaskEvent,
      ],
    ],
    ['a message without its body', [enqueued(undefined, 100_000), enqueued(Buffer.from('x'))]],
    [
      'what was dequeued',
      [
        { event: 'dequeued', taskId: 'a.b', queue, at: 1, count: 1, messageId: 'm' },
        { event: 'dequeued', taskId: 'a.b', queue, at: 2, count: 7, messageId: undefined },
      ],
    ],
    ['what was cleared', [{ event: 'cleared', taskId: 'a.b', queue, at: 1, count: 3 }]],
  ])('travel together and come out the same: %s', (_, events) => {
    expect(decodeEvents(routingKeyOf(events[0] as TaskEvent), encodeEvents(events))).toEqual(events);
  });

  test.each([
    '',
    'x',
    '{}\n',
    'null\n',
    '{"queue":"q","at":1}\n',
    '[1]\n',
    '{"queue":"q","at":1,"count":"many"}\n',
    '{"queue":"q","at":1,"count":-1}\n',
    '{"queue":"q","at":1,"body_bytes":1,"has_body":true,"properties":null}\n',
    '{"queue":"q","at":1,"body_bytes":1,"has_body":true,"properties":{"type":7}}\n',
    '{"queue":"q","at":1,"body_bytes":1,"has_body":true,"properties":{"colour":"red"}}\n',
    '{"queue":"q","at":1,"body_bytes":1,"has_body":true,"properties":{"headers":{"h":{"!":"nope"}}}}\n',
    '{"queue":"q","at":1,"body_bytes":1,"has_body":true,"properties":{},"properties_base64":7}\n',
    '{"queue":"q","at":1,"count":"1","message_id":{}}\n',
    '{"queue":"q","at":1,"body_bytes":-9,"has_body":true,"properties":{}}\n',
  ])('are not read from other bodies: %j', (text) => {
    for (const name of ['enqueued', 'dequeued', 'cleared'])
      expect(decodeEvents(`${name}.a`, Buffer.from(text))).toEqual([]);
  });

  test('of one kind that are sent as another are not read', () => {
    const [removed, added] = [
      encodeEvents([{ event: 'cleared', taskId: 'a.b', queue, at: 1, count: 3 }]),
      encodeEvents([enqueued(Buffer.from('x'))]),
    ];
    expect(decodeEvents('enqueued.a.b', removed)).toEqual([]);
    expect(decodeEvents('cleared.a.b', added)).toEqual([]);
  });

  test('are asked for by task, or all of them', () => {
    expect(eventPatterns(['enqueued', 'cleared'], 'a.b')).toEqual(['enqueued.a.b', 'cleared.a.b']);
    expect(eventPatterns(['enqueued'])).toEqual(['enqueued.#']);
  });
});
