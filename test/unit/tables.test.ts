import { Chalk } from 'chalk';
import { describe, expect, test } from 'vitest';
import { MessageTable } from '../../src/cli/output/message-table.ts';
import { QueueTable } from '../../src/cli/output/queue-table.ts';
import type { StoredMessage, TaskQueueInfo } from '../../src/index.ts';

const colors = new Chalk({ level: 0 });
const NOW = Date.UTC(2026, 10, 28, 12);

function message(body: string): StoredMessage {
  return { taskId: 't', redelivered: false, properties: {}, body: Buffer.from(body) };
}

function asked(agoMs: number): StoredMessage {
  const rpc = {
    jsonrpc: '2.0',
    id: 1,
    method: 'elicitation/create',
    params: { message: 'Delete 3 old files?' },
  };
  return message(
    JSON.stringify({ type: 'request', message: rpc, timestamp: new Date(NOW - agoMs).toISOString() }),
  );
}

function queue(ready: number, consumers = 0): TaskQueueInfo {
  const statistics = { consumers, idleSince: undefined, oldestAt: NOW - 9_000 };
  const known = { type: 'classic', state: 'running', isCounted: false, unacked: 0, statistics };
  return { taskId: '786512e2-1b2c-4d5e-8f90-a1b2c3d4e5f6', ready, ...known };
}

// A large message is a batch of its own, and a list comes in pages.
describe('later rows that need more room than the first ones', () => {
  test.each([60, 80, 120])('are whole in a table of messages at %i columns', (width) => {
    const table = new MessageTable({ width, colors });
    table.rows([asked(5_000)], NOW);
    const later = table.rows([asked(71 * 60_000), ...Array.from({ length: 1_100 }, () => asked(0))], NOW);
    const lines = later.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^ +2 +1h 11m +request +.*Delete 3 ol(?:d files\?|…)$/);
    expect(lines.at(-1)).toMatch(/^1,102 /);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
  });

  test('have their methods and ids, under titles of their own, though the first ones had none', () => {
    const table = new MessageTable({ width: 80, colors });
    expect(table.rows([message('{}')], NOW)).not.toContain('METHOD');
    const [titles, first] = table.rows([asked(0)], NOW).split('\n');
    expect(titles).toMatch(/^# +AGE +TYPE +METHOD +ID +SIZE +MESSAGE$/);
    expect(first).toMatch(/^2 +0ms +request +elicitation\/create +1 /);
    // Once there, they stay, as wide as they were.
    expect(table.rows([message('{}')], NOW)).not.toContain('METHOD');
    expect(table.rows([asked(0)], NOW)).not.toContain('METHOD');
  });

  test('are whole below a row that needs less room', () => {
    const note = { type: 'notification', message: { method: 'notifications/progress', params: { n: 1 } } };
    const table = new MessageTable({ width: 80, colors });
    const [, before] = table.rows([message(JSON.stringify(note))], NOW).split('\n');
    // With an id, the first one.
    table.rows([message('{"type":"request","message":{"method":"ping","id":1}}')], NOW);
    const [after] = table.rows([message(JSON.stringify(note))], NOW).split('\n');
    expect(before).toMatch(/notification {2}notifications\/progress /);
    expect(after).toMatch(/notification {2}notifications\/progress /);
  });

  test('are whole in a list of queues', () => {
    const table = new QueueTable({ width: 80, colors });
    table.lines([queue(1)], NOW);
    const [line] = table.lines([queue(1_234_567_890, 12_345)], NOW);
    expect(line).toMatch(/^1,234,567,890 .* 12,345 .*786512e2-1b2c-4d5e-8f90-a1b2c3d4e5f6$/);
  });
});
