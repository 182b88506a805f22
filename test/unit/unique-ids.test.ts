import { expect, test, vi } from 'vitest';
import { EventStreams } from '../../src/events/event-streams.ts';
import type { TaskEvent } from '../../src/events/task-events.ts';
import { defaultProperties } from '../../src/messages/default-properties.ts';

const EVENT: TaskEvent = {
  event: 'dequeued',
  taskId: 'a',
  queue: 'mcp:queue:a',
  at: 0,
  count: 1,
  messageId: undefined,
};

test.each<[string, () => void]>([
  ['fixes', () => vi.spyOn(globalThis.crypto, 'randomUUID').mockReturnValue('0-0-0-0-0')],
  ['lacks', () => vi.stubGlobal('crypto', undefined)],
])('ids are unique in a program that %s the random ids of its globals', (_how, change) => {
  change();
  try {
    const publishers = [1, 2].map(() => new EventStreams().number(EVENT).id);
    const ids = [defaultProperties(), defaultProperties()].map((properties) => properties.message_id);
    expect(new Set([...publishers, ...ids]).size).toBe(4);
  } finally {
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
  }
});
