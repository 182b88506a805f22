import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyReplayPolicy, REPLAY_RULES } from '../../src/properties/replay-policy.ts';
import {
  arrayField,
  field,
  longField,
  propertyList,
  short,
  table,
  tableField,
  textField,
  uint,
} from '../support/amqp-bytes.ts';
import { anyPropertyList } from '../support/any-property-lists.ts';

const GUEST = { userId: 'guest', keepExpiration: false };
const routes = arrayField(textField('mcp:queue:other'), textField(Buffer.from([0xff])));
const counter = longField('l', 3n);

describe('what is published again', () => {
  test.each<[string, Parameters<typeof propertyList>[0]]>([
    ['nothing', {}],
    [
      'what our own publisher sets',
      { content_type: short('application/json'), delivery_mode: Buffer.from([2]) },
    ],
    ['no headers', { headers: table() }],
    [
      'headers that the broker does not act on',
      { headers: table(['cc', routes], ['Bcc', routes], ['x-cc', routes]) },
    ],
    [
      'a table with CC in it',
      { headers: table(['a', tableField(['CC', routes], ['x-delivery-count', counter])]) },
    ],
    ['x-death', { headers: table(['x-death', arrayField(tableField(['count', counter]))]) }],
    ['the user of the connection', { user_id: short('guest') }],
    ['the rest', { reply_to: short('r'), timestamp: uint(8, 2n ** 64n - 1n), cluster_id: short('c') }],
  ])('is the same list, with %s', (_, values) => {
    const list = propertyList(values);
    const result = applyReplayPolicy(list, GUEST);
    expect(result.list).toBe(list);
    expect(result.changes).toEqual([]);
  });

  test('has CC and BCC under names that the broker does not know, with the same bytes in the same place', () => {
    const list = propertyList({
      content_type: short('a'),
      headers: table(['a', counter], ['CC', routes], ['b', counter], ['BCC', textField('x')], ['c', counter]),
      message_id: short('m'),
    });
    expect(applyReplayPolicy(list, GUEST)).toEqual({
      list: propertyList({
        content_type: short('a'),
        headers: table(
          ['a', counter],
          ['x-mcp-taskq-cc', routes],
          ['b', counter],
          ['x-mcp-taskq-bcc', textField('x')],
          ['c', counter],
        ),
        message_id: short('m'),
      }),
      changes: ['cc', 'bcc'],
    });
  });

  test('has each CC, also where there are two, or one from the time before', () => {
    const list = propertyList({
      headers: table(['CC', routes], ['x-mcp-taskq-cc', counter], ['CC', counter]),
    });
    const kept = table(['x-mcp-taskq-cc', routes], ['x-mcp-taskq-cc', counter], ['x-mcp-taskq-cc', counter]);
    expect(applyReplayPolicy(list, GUEST)).toEqual({
      list: propertyList({ headers: kept }),
      changes: ['cc'],
    });
  });

  test('has no counters of the broker', () => {
    const list = propertyList({
      headers: table(
        ['x-delivery-count', counter],
        ['x-delivery-limit', counter],
        ['x-acquired-count', field('V')],
      ),
    });
    expect(applyReplayPolicy(list, GUEST)).toEqual({
      list: propertyList({ headers: table(['x-delivery-limit', counter]) }),
      changes: ['counters'],
    });
  });

  test('has no expiration, unless it is to be kept', () => {
    const values = { delivery_mode: Buffer.from([2]), message_id: short('m') };
    const list = propertyList({ ...values, expiration: short('+60000') });
    expect(applyReplayPolicy(list, GUEST)).toEqual({ list: propertyList(values), changes: ['expiration'] });
    expect(applyReplayPolicy(list, { ...GUEST, keepExpiration: true }).list).toBe(list);
  });

  test.each(['admin', 'gues', 'guest2', ''])('has no user_id %j, which the broker would refuse', (userId) => {
    const values = { type: short('t'), app_id: short('a') };
    const list = propertyList({ ...values, user_id: short(userId) });
    expect(applyReplayPolicy(list, GUEST)).toEqual({ list: propertyList(values), changes: ['user_id'] });
  });

  test('has no user_id where the user of the connection is not known', () => {
    const list = propertyList({ user_id: short('guest') });
    expect(applyReplayPolicy(list, { userId: undefined, keepExpiration: false }).changes).toEqual([
      'user_id',
    ]);
  });

  test('is left as it is by a second time', () => {
    fc.assert(
      fc.property(anyPropertyList(), (list) => {
        const once = applyReplayPolicy(list, GUEST);
        const twice = applyReplayPolicy(once.list, GUEST);
        expect(twice.changes).toEqual([]);
        expect(twice.list).toBe(once.list);
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ['nothing at all', Buffer.alloc(0)],
    ['flags without their values', Buffer.from([0x20, 0])],
    ['flags of unknown properties', Buffer.from([0, 1, 0, 0])],
    ['a table that is longer than the list', Buffer.from([0x20, 0, 0, 0, 0, 9, 1])],
    ['a key that is cut off', Buffer.from([0x20, 0, 0, 0, 0, 1, 9])],
    ['a value of an unknown type', propertyList({ headers: table(['a', field('Z')]) })],
    [
      'a value that ends outside of its table',
      propertyList({ headers: table(['a', field('S', Buffer.from([0, 0, 0, 9]))]) }),
    ],
    ['an expiration that is cut off', Buffer.from([0x01, 0, 9, 0x31])],
  ])('is refused where it cannot be read: %s', (_, list) => {
    expect(() => applyReplayPolicy(list, GUEST)).toThrowError(
      expect.objectContaining({ code: 'INVALID_MESSAGE' }),
    );
  });

  test('has a rule to print for each change', () => {
    expect(REPLAY_RULES.map(({ change }) => change)).toEqual([
      'cc',
      'bcc',
      'counters',
      'expiration',
      'user_id',
    ]);
  });
});
