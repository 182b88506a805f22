import type { QueueableMessage, QueuedMessage } from '../../src/index.ts';

const timestamp = 1_767_225_600_123;

/** Messages of every type, with whatever JSON allows in the places that are free, by what is special in them. */
export const SAMPLE_MESSAGES: { [what: string]: QueueableMessage } = {
  'a request': {
    type: 'request',
    timestamp,
    message: {
      jsonrpc: '2.0',
      id: 1,
      method: 'elicitation/create',
      params: {
        mode: 'form',
        message: 'Delete 3 files?',
        requestedSchema: {
          type: 'object',
          properties: { confirm: { type: 'boolean' } },
          required: ['confirm'],
        },
        _meta: { 'io.modelcontextprotocol/related-task': { taskId: '786512e2' } },
      },
    },
  },
  'a request without params': {
    type: 'request',
    timestamp,
    message: { jsonrpc: '2.0', id: 'ping-1', method: 'ping' },
  },
  'a notification': {
    type: 'notification',
    timestamp,
    message: {
      jsonrpc: '2.0',
      method: 'notifications/progress',
      params: { progressToken: 7, progress: 0.5, total: 1 },
    },
  },
  'a notification without params': {
    type: 'notification',
    timestamp,
    message: { jsonrpc: '2.0', method: 'notifications/tools/list_changed' },
  },
  'a response': {
    type: 'response',
    timestamp,
    message: { jsonrpc: '2.0', id: 2, result: { action: 'accept', content: { confirm: true } } },
  },
  'a response with nothing in it': {
    type: 'response',
    timestamp,
    message: { jsonrpc: '2.0', id: 3, result: {} },
  },
  'an error': {
    type: 'error',
    timestamp,
    message: { jsonrpc: '2.0', id: 4, error: { code: -32_603, message: 'It broke', data: { at: 'step 2' } } },
  },
  'an error that answers nothing in particular': {
    type: 'error',
    timestamp,
    message: { jsonrpc: '2.0', error: { code: -32_700, message: 'Parse error' } },
  },
  'the id 0': { type: 'request', timestamp, message: { jsonrpc: '2.0', id: 0, method: 'ping' } },
  'an empty id': { type: 'request', timestamp, message: { jsonrpc: '2.0', id: '', method: 'ping' } },
  'the time 0': { type: 'request', timestamp: 0, message: { jsonrpc: '2.0', id: 1, method: 'ping' } },
  'an original request id': {
    type: 'request',
    timestamp,
    originalRequestId: 'c0ffee-1',
    message: { jsonrpc: '2.0', id: 1, method: 'ping' },
  },
  'the original request id 0': {
    type: 'request',
    timestamp,
    originalRequestId: 0,
    message: { jsonrpc: '2.0', id: 1, method: 'ping' },
  },
  'text of every kind': notification({
    text: 'Ünïcode “quotes” 🗑 日本語 \u202eright to left\u202c',
    controls: 'line\nline\ttab\u0000nul\u0007bell\u001b[31mred\u2028separator\\"',
    lone: '\ud800',
    '': 'an empty name',
  }),
  'numbers of every kind': notification({
    zero: 0,
    negative: -1,
    half: 0.5,
    tiny: 5e-324,
    huge: Number.MAX_VALUE,
    safe: Number.MAX_SAFE_INTEGER,
  }),
  'nested values': notification({
    deep: JSON.parse(`${'['.repeat(200)}null${']'.repeat(200)}`),
    list: [1, 'two', null, true, [], {}, { three: [3] }],
    none: null,
    names: JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1, "toJSON": 2}'),
  }),
  'fields that nobody knows': {
    type: 'notification',
    timestamp,
    message: { jsonrpc: '2.0', method: 'x', future: { a: [1] } },
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    nested: { a: null },
  } as QueuedMessage,
  'a mebibyte of text': notification({ text: 'ü'.repeat(512 * 1024) }),
};

function notification(params: { [key: string]: unknown }): QueuedMessage {
  return {
    type: 'notification',
    timestamp,
    message: { jsonrpc: '2.0', method: 'notifications/message', params },
  };
}
