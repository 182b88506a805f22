import { describe, expect, test } from 'vitest';
import { type CallKind, CallOrder } from '../../src/sdk/call-order.ts';
import { until } from '../support/until.ts';

/** Work that ends when it is told to, and a note of what has begun. */
function calls(order = new CallOrder(10_000, 100)) {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const call = (name: string, kind: CallKind, task = 'task') => {
    const called = order.run(task, kind, `Cannot ${name}`, () => {
      begun.push(name);
      return new Promise<string>((resolve) => ends.set(name, () => resolve(name)));
    });
    // A call whose turn does not come rejects when its test may have ended.
    called.catch(() => {});
    return called;
  };
  const end = async (name: string) => {
    ends.get(name)?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { begun, call, end, order };
}

describe('calls for one task', () => {
  test('of one kind begin at once, and one of another kind when all of them have ended', async () => {
    const { begun, call, end } = calls();
    void call('a', 'enqueue');
    void call('b', 'enqueue');
    void call('c', 'dequeue');
    void call('d', 'enqueue');
    expect(begun).toEqual(['a', 'b']);
    await end('b');
    expect(begun).toEqual(['a', 'b']);
    await end('a');
    expect(begun).toEqual(['a', 'b', 'c']);
    await end('c');
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
  });

  test('that clear it follow one another', async () => {
    const { begun, call, end } = calls();
    void call('a', 'clear');
    void call('b', 'clear');
    expect(begun).toEqual(['a']);
    await end('a');
    expect(begun).toEqual(['a', 'b']);
  });

  test('that ask are not overtaken by what is enqueued after them', async () => {
    const { begun, call, end } = calls();
    void call('a', 'enqueue');
    void call('b', 'ask');
    void call('c', 'enqueue');
    await end('a');
    expect(begun).toEqual(['a', 'b']);
    await end('b');
    expect(begun).toEqual(['a', 'b', 'c']);
  });

  test('begin in order, also those made as soon as the turn of others has come', async () => {
    const { begun, call, end } = calls();
    const first = call('a', 'dequeue');
    void call('b', 'enqueue');
    void call('c', 'enqueue');
    void first.then(() => void call('d', 'enqueue'));
    await end('a');
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
  });

  test('do not wait for those of another task', () => {
    const { begun, call } = calls();
    void call('a', 'enqueue', 'one');
    void call('b', 'dequeue', 'other');
    expect(begun).toEqual(['a', 'b']);
  });
});

describe('a dequeue behind an enqueue that takes long', () => {
  test('takes what is there already, and those after it keep their order', async () => {
    const { begun, call, end } = calls();
    void call('a', 'enqueue');
    const first = call('b', 'dequeue');
    void call('c', 'clear');
    await until(() => begun.length > 1);
    await end('b');
    expect(await first).toBe('b');
    expect(begun).toEqual(['a', 'b']);
    await end('a');
    expect(begun).toEqual(['a', 'b', 'c']);
  });

  test('waits for it, if there is nothing', async () => {
    const { begun, call, end, order } = calls();
    void call('a', 'enqueue');
    let looks = 0;
    const found = order.run('task', 'dequeue', 'Cannot dequeue', async () =>
      looks++ === 0 ? undefined : 'found',
    );
    void call('c', 'enqueue');
    await until(() => looks === 1);
    expect(begun).toEqual(['a']);
    await end('a');
    expect(await found).toBe('found');
    expect([looks, begun]).toEqual([2, ['a', 'c']]);
  });

  test('looks again, if that ends while it looks', async () => {
    const { call, end, order } = calls();
    void call('a', 'enqueue');
    let looks = 0;
    const found = order.run('task', 'dequeue', 'Cannot dequeue', async () => {
      if (looks++ > 0) return 'found';
      await end('a');
      return undefined;
    });
    expect(await found).toBe('found');
  });

  test('fails as it would in its turn', async () => {
    const { begun, call, end, order } = calls();
    void call('a', 'enqueue');
    const failure = new Error('mine');
    const failed = order.run('task', 'dequeue', 'Cannot dequeue', () => Promise.reject(failure));
    void call('c', 'clear');
    await expect(failed).rejects.toBe(failure);
    await end('a');
    expect(begun).toEqual(['a', 'c']);
  });
});

test('a call gives up when its turn does not come, and those after it keep their order', async () => {
  const { begun, call, end } = calls(new CallOrder(30, 100));
  void call('a', 'enqueue');
  await expect(call('b', 'look')).rejects.toMatchObject({ code: 'BUSY' });
  const late = call('c', 'clear');
  await end('a');
  expect(begun).toEqual(['a', 'c']);
  await end('c');
  expect(await late).toBe('c');
});

test('no more calls wait than may', async () => {
  const { call } = calls(new CallOrder(10_000, 1));
  void call('a', 'enqueue');
  void call('b', 'dequeue');
  await expect(call('c', 'dequeue')).rejects.toMatchObject({ code: 'TOO_MANY_WAITING' });
  void call('d', 'enqueue', 'other');
});

test('no more bytes of messages wait than may, whatever they wait for', async () => {
  const { call, end, order } = calls();
  const bytes = 100 * 1024 * 1024;
  const never = () => new Promise<never>(() => {});
  const enqueue = () => order.run('task', 'enqueue', 'Cannot enqueue', never, bytes);
  const wait = () => order.countWaiting('enqueue', 'Cannot enqueue', bytes, never);
  void call('a', 'dequeue');
  void enqueue();
  const tooMany = {
    code: 'TOO_MANY_WAITING',
    message: 'Cannot enqueue: 104,857,600 bytes of messages are already waiting for earlier calls',
  };
  await expect(enqueue()).rejects.toMatchObject(tooMany);
  await expect(wait()).rejects.toMatchObject(tooMany);
  await end('a');
  void wait();
  await expect(wait()).rejects.toMatchObject(tooMany);
});

test('it is idle when all calls have ended, or the time is up', async () => {
  const { call, end, order } = calls();
  await order.idle(10_000);
  void call('a', 'enqueue');
  void call('b', 'clear');
  await order.idle(20);
  const idle = order.idle(10_000);
  await end('a');
  await end('b');
  await idle;
});
