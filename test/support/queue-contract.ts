import type { QueuedMessage, TaskMessageQueue } from '@modelcontextprotocol/sdk/experimental/tasks';
import { beforeEach, describe, expect, test } from 'vitest';
import { SAMPLE_MESSAGES } from './sample-messages.ts';
import { numbered } from './tasks.ts';

export interface QueueUnderTest {
  open: () => TaskMessageQueue;
  /** A task id that starts with `name`, of one test alone. */
  newTask: (name?: string) => string;
}

const OVERFLOW = 'Task message queue overflow';

/** Messages that are told apart by their number. */
const series = (count: number) => Array.from({ length: count }, (_, index) => numbered(index));

/**
 * What the SDK's `TaskMessageQueue` promises, as its in-memory queue keeps it: every implementation behaves
 * like this. A case that the in-memory queue fails is wrong itself.
 */
export function describeQueueContract(name: string, { open, newTask }: QueueUnderTest): void {
  describe(`${name}, as every task message queue,`, () => {
    let queue: TaskMessageQueue;
    let task: string;

    beforeEach(() => {
      queue = open();
      task = newTask();
    });

    /** Takes one by one until nothing is left. */
    async function takeAll(taskId = task) {
      const taken = [];
      for (let next = await queue.dequeue(taskId); next; next = await queue.dequeue(taskId)) taken.push(next);
      return taken;
    }

    test('hands messages out in the order in which they came', async () => {
      for (const message of series(50)) await queue.enqueue(task, message);
      expect(await takeAll()).toEqual(series(50));
    });

    test('keeps the order when messages come and go in turns', async () => {
      const taken = [];
      for (const [index, message] of series(30).entries()) {
        await queue.enqueue(task, message);
        if (index % 3 !== 0) taken.push(await queue.dequeue(task));
      }
      expect([...taken, ...(await takeAll())]).toEqual(series(30));
    });

    test('hands them out in the order of the calls, which need not be awaited', async () => {
      for (const message of series(20)) await queue.enqueue(task, message);
      expect(await Promise.all(series(20).map(() => queue.dequeue(task)))).toEqual(series(20));
    });

    test('has nothing for a task that it never heard of', async () => {
      expect(await queue.dequeue(task)).toBeUndefined();
      expect(await queue.dequeueAll(task)).toEqual([]);
    });

    test('has nothing for a task once all is taken, time and again', async () => {
      await queue.enqueue(task, numbered(1));
      expect(await queue.dequeue(task)).toEqual(numbered(1));
      expect(await queue.dequeue(task)).toBeUndefined();
      expect(await queue.dequeue(task)).toBeUndefined();
      await queue.enqueue(task, numbered(2));
      expect(await takeAll()).toEqual([numbered(2)]);
    });

    describe('returns what went in, equal to the last field:', () => {
      test.each(Object.entries(SAMPLE_MESSAGES))('%s', async (_what, message) => {
        await queue.enqueue(task, message);
        await queue.enqueue(task, message);
        expect(await queue.dequeue(task)).toStrictEqual(message);
        expect(await queue.dequeueAll(task)).toStrictEqual([message]);
      });
    });

    describe('with a maximum size', () => {
      test('refuses the message that would exceed it, and keeps the others', async () => {
        await queue.enqueue(task, numbered(0), undefined, 2);
        await queue.enqueue(task, numbered(1), undefined, 2);
        await expect(queue.enqueue(task, numbered(2), undefined, 2)).rejects.toThrow(OVERFLOW);
        expect(await takeAll()).toEqual(series(2));
      });

      test('has room again when one was taken', async () => {
        await queue.enqueue(task, numbered(0), undefined, 1);
        await expect(queue.enqueue(task, numbered(9), undefined, 1)).rejects.toThrow(OVERFLOW);
        expect(await queue.dequeue(task)).toEqual(numbered(0));
        await queue.enqueue(task, numbered(1), undefined, 1);
        expect(await takeAll()).toEqual([numbered(1)]);
      });

      test('of 0 refuses every message', async () => {
        await expect(queue.enqueue(task, numbered(0), undefined, 0)).rejects.toThrow(OVERFLOW);
        expect(await queue.dequeue(task)).toBeUndefined();
      });

      test('counts what was added without one, and refuses nothing that is added without one', async () => {
        for (const message of series(3)) await queue.enqueue(task, message);
        await expect(queue.enqueue(task, numbered(9), undefined, 3)).rejects.toThrow(OVERFLOW);
        await queue.enqueue(task, numbered(3));
        expect(await takeAll()).toEqual(series(4));
      });

      test('counts each task for itself', async () => {
        const other = newTask();
        await queue.enqueue(task, numbered(0), undefined, 1);
        await queue.enqueue(other, numbered(1), undefined, 1);
        expect([await queue.dequeue(task), await queue.dequeue(other)]).toEqual(series(2));
      });

      test('is exact among concurrent calls', async () => {
        const calls = series(12).map((message) => queue.enqueue(task, message, undefined, 5));
        const outcomes = await Promise.allSettled(calls);
        expect(outcomes.map(({ status }) => status)).toEqual([
          ...Array(5).fill('fulfilled'),
          ...Array(7).fill('rejected'),
        ]);
        expect(await takeAll()).toEqual(series(5));
      });
    });

    describe('asked for all messages', () => {
      test('removes and returns them in order', async () => {
        for (const message of series(20)) await queue.enqueue(task, message);
        expect(await queue.dequeueAll(task)).toEqual(series(20));
        expect(await queue.dequeueAll(task)).toEqual([]);
        expect(await queue.dequeue(task)).toBeUndefined();
      });

      test('returns those that are left', async () => {
        for (const message of series(5)) await queue.enqueue(task, message);
        await queue.dequeue(task);
        await queue.dequeue(task);
        expect(await queue.dequeueAll(task)).toEqual(series(5).slice(2));
      });

      test('takes new messages for the task afterwards', async () => {
        await queue.enqueue(task, numbered(0));
        await queue.dequeueAll(task);
        await queue.enqueue(task, numbered(1));
        await queue.enqueue(task, numbered(2), undefined, 2);
        expect(await takeAll()).toEqual(series(3).slice(1));
      });

      test('leaves other tasks alone', async () => {
        const other = newTask();
        await queue.enqueue(task, numbered(0));
        await queue.enqueue(other, numbered(1));
        await queue.dequeueAll(task);
        expect(await queue.dequeue(other)).toEqual(numbered(1));
      });
    });

    test('keeps tasks apart, however alike their ids look', async () => {
      const suffixes = [
        '',
        ' ',
        '.',
        '.*',
        '#',
        '/',
        '%20',
        ':',
        '::1',
        '-A',
        '-a',
        '-ä',
        '-a\u0308',
        '-日本',
        '"\'\\',
      ];
      const ids = suffixes.map((suffix) => `${task}${suffix}`);
      for (const [index, id] of ids.entries()) await queue.enqueue(id, numbered(index));
      const taken = [];
      for (const id of ids) taken.push(...(await queue.dequeueAll(id)));
      expect(taken).toEqual(series(ids.length));
    });

    test('keeps an id apart from the one that begins with it', async () => {
      const longer = `${task}-longer`;
      await queue.enqueue(task, numbered(0));
      expect(await queue.dequeue(longer)).toBeUndefined();
      expect(await queue.dequeueAll(longer)).toEqual([]);
      expect(await queue.dequeue(task)).toEqual(numbered(0));
    });

    test('pays no attention to the session', async () => {
      await queue.enqueue(task, numbered(0), 'session a');
      await queue.enqueue(task, numbered(1), 'session b');
      await queue.enqueue(task, numbered(2));
      await expect(queue.enqueue(task, numbered(9), 'session c', 3)).rejects.toThrow(OVERFLOW);
      expect(await queue.dequeue(task, 'session b')).toEqual(numbered(0));
      expect(await queue.dequeue(task)).toEqual(numbered(1));
      expect(await queue.dequeueAll(task, 'session a')).toEqual([numbered(2)]);
    });

    describe('with calls that nobody awaits', () => {
      test('dequeueAll has what was enqueued before it, and nothing that came after it', async () => {
        for (let round = 0; round < 5; round++) {
          const id = newTask();
          for (const message of series(3)) void queue.enqueue(id, message);
          const all = queue.dequeueAll(id);
          void queue.enqueue(id, numbered(3));
          expect(await all).toEqual(series(3));
          expect(await queue.dequeueAll(id)).toEqual([numbered(3)]);
        }
      });

      test('dequeue finds what was enqueued before it, and nothing after a dequeueAll', async () => {
        for (let round = 0; round < 5; round++) {
          const id = newTask();
          void queue.enqueue(id, numbered(0));
          const first = queue.dequeue(id);
          for (const message of series(5)) void queue.enqueue(id, message);
          const all = queue.dequeueAll(id);
          const [second, third] = [queue.dequeue(id), queue.dequeue(id)];
          expect(await first).toEqual(numbered(0));
          expect(await all).toEqual(series(5));
          expect([await second, await third]).toEqual([undefined, undefined]);
        }
      });

      test('the first of two dequeueAll has everything', async () => {
        for (const message of series(20)) void queue.enqueue(task, message);
        const [first, second] = [queue.dequeueAll(task), queue.dequeueAll(task)];
        expect(await first).toEqual(series(20));
        expect(await second).toEqual([]);
      });

      test('turns of each kind follow one another', async () => {
        const taken: Promise<(QueuedMessage | undefined)[]>[] = [];
        for (let turn = 0; turn < 10; turn++) {
          void queue.enqueue(task, numbered(2 * turn));
          void queue.enqueue(task, numbered(2 * turn + 1));
          taken.push(queue.dequeue(task).then((message) => [message]));
          if (turn % 2 === 1) taken.push(queue.dequeueAll(task));
        }
        expect((await Promise.all(taken)).flat()).toEqual(series(20));
      });

      test('a call that fails does not hold up those after it', async () => {
        const refused = queue.enqueue(task, numbered(0), undefined, 0);
        void queue.enqueue(task, numbered(1));
        const all = queue.dequeueAll(task);
        await expect(refused).rejects.toThrow(OVERFLOW);
        expect(await all).toEqual([numbered(1)]);
      });
    });

    describe('with many calls at once', () => {
      test('keeps the order of the enqueues', async () => {
        await Promise.all(series(200).map((message) => queue.enqueue(task, message)));
        expect(await queue.dequeueAll(task)).toEqual(series(200));
      });

      test('keeps the order of each of many tasks', async () => {
        const tasks = Array.from({ length: 10 }, () => newTask());
        const calls = series(20).flatMap((message) => tasks.map((id) => queue.enqueue(id, message)));
        await Promise.all(calls);
        for (const id of tasks) expect(await queue.dequeueAll(id)).toEqual(series(20));
      });

      test('gives each message to one reader', async () => {
        for (const message of series(40)) await queue.enqueue(task, message);
        const taken = await Promise.all(series(45).map(() => queue.dequeue(task)));
        expect(sorted(taken)).toEqual(series(40));
        expect(taken.filter((message) => message === undefined)).toHaveLength(5);
      });

      test('gives each message to one reader, also when one of them asks for all', async () => {
        for (const message of series(40)) await queue.enqueue(task, message);
        const [all, ...single] = await Promise.all([
          queue.dequeueAll(task),
          ...series(10).map(() => queue.dequeue(task)),
        ]);
        const rest = await takeAll();
        expect(sorted([...all, ...single, ...rest])).toEqual(series(40));
      });

      test('loses nothing when messages come while others are taken', async () => {
        const taken = [];
        const adding = Promise.all(series(100).map((message) => queue.enqueue(task, message)));
        for (let round = 0; round < 100; round++) taken.push(await queue.dequeue(task));
        await adding;
        expect([...taken.filter((message) => message !== undefined), ...(await takeAll())]).toEqual(
          series(100),
        );
      });

      test('loses nothing when messages come while all are taken', async () => {
        const taken = [];
        const adding = Promise.all(series(100).map((message) => queue.enqueue(task, message)));
        for (let round = 0; round < 10; round++) taken.push(...(await queue.dequeueAll(task)));
        await adding;
        expect([...taken, ...(await takeAll())]).toEqual(series(100));
      });
    });
  });
}

function sorted(messages: (QueuedMessage | undefined)[]): QueuedMessage[] {
  return messages.filter((message) => message !== undefined).sort((a, b) => a.timestamp - b.timestamp);
}
