import { describe, expect, inject, test } from 'vitest';
import { FaultProxy } from '../support/fault-proxy.ts';
import { extent } from '../support/figures.ts';
import { RawAmqp } from '../support/raw-amqp.ts';
import { newRawTask, openRawAmqp, queueOf } from '../support/raw-tasks.ts';
import { openClient, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';

const COUNT = 1_000;

const numbersIn = async (task: string) =>
  (await RawAmqp.look(inject('url'), queueOf(task))).map(({ body }) => Number(body));

/** Numbers that grow. */
function ascending(numbers: number[]): number[] {
  return [...numbers].sort((a, b) => a - b);
}

describe('messages that are published without waiting stay in order', () => {
  test('when another client has deleted the queue since', async () => {
    const [client, amqp, task] = [openClient(), await openRawAmqp(), newRawTask('order')];
    for (let round = 0; round < 4; round++) {
      await client.publish(task, raw('-1'));
      await amqp.delete(queueOf(task));
      await Promise.all(Array.from({ length: 50 }, (_, number) => client.publish(task, raw(String(number)))));
      expect(await numbersIn(task)).toEqual(Array.from({ length: 50 }, (_, number) => number));
    }
  });

  test('when another process has delivered all of the task since, and its queue went with it', async () => {
    const [client, other, task] = [openClient(), openClient(), newRawTask('order')];
    for (let round = 0; round < 4; round++) {
      await client.publish(task, raw('-1'));
      await other.clear(task);
      await Promise.all(Array.from({ length: 50 }, (_, number) => client.publish(task, raw(String(number)))));
      expect(await numbersIn(task)).toEqual(Array.from({ length: 50 }, (_, number) => number));
    }
  });

  test.each([
    ['small', extent(2, 10), COUNT, 0],
    // The broker handles the channel that they come on later than the one on which the queue is declared again.
    ['large', extent(2, 10), 4_000, 3_000],
  ])(
    'when the queue is deleted in the middle, and those that come later wait their turn: %s',
    async (...args) => {
      const [, rounds, count, bytes] = args;
      const [client, amqp] = [openClient(), await openRawAmqp()];
      for (let round = 0; round < rounds; round++) {
        const task = newRawTask('order');
        await client.publish(task, raw('-1'));
        const calls: Promise<unknown>[] = [];
        let deleting: Promise<unknown> | undefined;
        for (let number = 0; number < count; number++) {
          calls.push(client.publish(task, raw(String(number).padEnd(bytes))));
          if (number % 50 === 49) await new Promise((resolve) => setImmediate(resolve));
          if (number === count / 2) deleting = amqp.delete(queueOf(task));
        }
        await deleting;
        calls.push(client.publish(task, raw(String(count))));
        await Promise.all(calls);
        const numbers = await numbersIn(task);
        expect(numbers).toEqual(ascending(numbers));
        expect(new Set(numbers).size).toBe(numbers.length);
        // RabbitMQ confirms, and loses, what arrives in the instant of the deletion; the last one came long after it.
        expect(numbers.at(-1)).toBe(count);
      }
    },
  );

  test('when the connection is lost before some of them are sent', async () => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const client = openClient({ url: proxy.url });
    for (let round = 0; round < 8; round++) {
      const task = newRawTask('order');
      await client.publish(task, raw('-1'));
      proxy.reset();
      const outcomes = await Promise.allSettled(
        Array.from({ length: 20 }, async (_, number) => {
          // Some of them in a later turn, when the client may know.
          for (let turn = 0; turn < number % 5; turn++) await new Promise((resolve) => setImmediate(resolve));
          await client.publish(task, raw(String(number)));
          return number;
        }),
      );
      const confirmed = outcomes.flatMap((outcome) =>
        outcome.status === 'fulfilled' ? [outcome.value] : [],
      );
      await until(async () => (await numbersIn(task)).length >= confirmed.length);
      const calledInOrder = [0, 1, 2, 3, 4].flatMap((turn) =>
        Array.from({ length: 4 }, (_, at) => at * 5 + turn),
      );
      const numbers = (await numbersIn(task)).filter((number) => number >= 0);
      expect(numbers).toEqual(calledInOrder.filter((number) => numbers.includes(number)));
    }
  });

  test('when their confirms are lost and retryUnconfirmedMs sends all of them again', async () => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const client = openClient({ url: proxy.url, retryUnconfirmedMs: 20_000 });
    for (let round = 0; round < 4; round++) {
      const task = newRawTask('order');
      await client.publish(task, numberedWithId(-1));
      proxy.fault = { kind: 'mute' };
      const publishing = [0, 1, 2, 3, 4].map((number) => client.publish(task, numberedWithId(number)));
      await until(async () => (await numbersIn(task)).length === 6);
      proxy.fault = { kind: 'none' };
      proxy.reset();
      await Promise.all(publishing);
      expect(await numbersIn(task)).toEqual([-1, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
    }
  });

  test('when the connection is lost repeatedly in the middle, and retryUnconfirmedMs sends some of them again', async () => {
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    const client = openClient({ url: proxy.url, retryUnconfirmedMs: 20_000 });
    for (let round = 0; round < extent(2, 10); round++) {
      const task = newRawTask('order');
      const calls: Promise<unknown>[] = [];
      for (let number = 0; number < COUNT; number++) {
        calls.push(client.publish(task, numberedWithId(number)));
        if (number % 20 === 19) await new Promise((resolve) => setImmediate(resolve));
        if (number % 300 === 299) {
          await calls[number - 100];
          proxy.reset();
        }
      }
      await Promise.all(calls);
      // Some of them are there twice.
      const numbers = [...new Set(await numbersIn(task))];
      expect(numbers).toEqual(Array.from({ length: COUNT }, (_, number) => number));
    }
  });
});

function numberedWithId(number: number) {
  const message_id = `message ${number}`;
  return { body: Buffer.from(String(number)), properties: { delivery_mode: 2, message_id } };
}
