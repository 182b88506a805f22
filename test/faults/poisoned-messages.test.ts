import { describe, expect, inject, test } from 'vitest';
import type { MessageProperties } from '../../src/index.ts';
import { RawAmqp } from '../support/raw-amqp.ts';
import { newRawTask, queueOf } from '../support/raw-tasks.ts';
import { openClient } from '../support/tasks.ts';

const IN_FLIGHT = 100;

/** More than the broker of the tests takes. */
const MOST_BYTES = 21 * 1024 * 1024;

async function bodiesIn(task: string): Promise<string[]> {
  return (await RawAmqp.look(inject('url'), queueOf(task))).map(({ body }) => body.toString());
}

/** Publishes many messages without waiting, one of them, or some, with these properties. @returns what became of each */
async function publishAmid(
  task: string,
  properties: object,
  options = {},
  { odd = [IN_FLIGHT / 2], oddBody }: { odd?: number[]; oddBody?: Buffer | undefined } = {},
) {
  const client = openClient({ maxMessageBytes: MOST_BYTES });
  await client.publish(task, { body: Buffer.from('first'), properties: { message_id: 'first' } });
  const outcomes = await Promise.allSettled(
    Array.from({ length: IN_FLIGHT }, (_, index) => {
      const isOdd = odd.includes(index);
      const given = isOdd ? (properties as MessageProperties) : {};
      const message = {
        body: (isOdd && oddBody) || Buffer.from(String(index)),
        properties: { message_id: `id-${index}`, ...given },
      };
      return client.publish(task, message, options);
    }),
  );
  // The client is as good as before.
  await client.publish(task, { body: Buffer.from('last'), properties: {} });
  return outcomes;
}

const others = Array.from({ length: IN_FLIGHT }, (_, index) => String(index)).filter(
  (body) => body !== String(IN_FLIGHT / 2),
);

describe('a message that RabbitMQ does not take, amid 99 others in flight, fails alone:', () => {
  const poisons: { [what: string]: [properties: object, named: RegExp, options?: object] } = {
    'an expiration that is no number': [{ expiration: 'soon' }, /expiration/, { keepExpiration: true }],
    'a negative expiration': [{ expiration: '-1' }, /expiration/, { keepExpiration: true }],
    'a header that is not a number': [{ headers: { odd: { '!': 'double', value: Number.NaN } } }, /odd/],
    'an infinite header in a nested table': [
      { headers: { odd: { deep: { '!': 'float', value: Infinity } } } },
      /odd/,
    ],
    'headers of more than a frame': [{ headers: { large: 'x'.repeat(140_000) } }, /headers|properties|large/],
    'a message_id of 256 bytes': [{ message_id: 'm'.repeat(256) }, /message_id/],
    'a lone surrogate in a header': [{ headers: { odd: '\ud800' } }, /odd/],
    'a lone surrogate in a property': [{ correlation_id: '\udfff' }, /correlation_id/],
    'a header of an unknown type': [{ headers: { odd: { '!': 'nope', value: 1 } } }, /odd/],
    'a user_id that is no text': [{ user_id: 7 }, /user_id/],
  };
  for (const [what, [properties, named, options]] of Object.entries(poisons)) {
    test(what, async () => {
      const task = newRawTask('poisoned');
      const outcomes = await publishAmid(task, properties, options);
      const failed = outcomes.flatMap((outcome, index) =>
        outcome.status === 'rejected' ? [{ index, reason: outcome.reason }] : [],
      );
      expect(failed.map(({ index, reason }) => `${index}: ${reason.message}`)).toHaveLength(1);
      expect(failed[0]).toMatchObject({
        index: IN_FLIGHT / 2,
        reason: {
          code: expect.stringMatching(/^(INVALID_MESSAGE|MESSAGE_TOO_LARGE|PUBLISH_REJECTED)$/),
          message: expect.stringMatching(named),
        },
      });
      expect(await bodiesIn(task)).toEqual(['first', ...others, 'last']);
    });
  }
});

describe('what RabbitMQ refuses only when it reads it is named, what is behind it is sent again, and nothing is there twice:', () => {
  // Each of them closes the channel once more.
  const odd = [50, 60, 61, 80];
  test.each<[what: string, properties: object, oddBody: Buffer | undefined, code: string]>([
    ['delivery modes, which RabbitMQ 4 takes', { delivery_mode: 3 }, undefined, 'INVALID_MESSAGE'],
    ['sizes', {}, Buffer.alloc(MOST_BYTES), 'MESSAGE_TOO_LARGE'],
  ])('%s', async (_what, properties, oddBody, code) => {
    const task = newRawTask('poisoned');
    const outcomes = await publishAmid(task, properties, {}, { odd, oddBody });
    const bodies = await bodiesIn(task);
    expect(bodies).toEqual([...new Set(bodies)]);
    for (const [index, outcome] of outcomes.entries()) {
      const isThere = bodies.includes(String(index));
      if (outcome.status === 'fulfilled') expect({ index, isThere }).toEqual({ index, isThere: true });
      // Of those before one of them, only the broker knows which it has stored.
      else if (!odd.includes(index)) expect(outcome.reason).toMatchObject({ code: 'PUBLISH_UNCONFIRMED' });
      else {
        expect({ index, isThere }).toEqual({ index, isThere: false });
        expect(outcome.reason.code).toBe(code);
      }
    }
    expect(outcomes.slice(81).filter(({ status }) => status === 'rejected')).toEqual([]);
  });
});

describe('a property that the broker acts on is taken out, and nothing fails:', () => {
  const policies: { [what: string]: [properties: object, change: string] } = {
    'the user_id of somebody else': [{ user_id: 'somebody' }, 'user_id'],
    'an expiration': [{ expiration: '1' }, 'expiration'],
    'an expiration that is no number': [{ expiration: 'soon' }, 'expiration'],
    'a header CC that is no array': [{ headers: { CC: 'nobody' } }, 'cc'],
    'a header BCC that is no array': [{ headers: { BCC: 7 } }, 'bcc'],
  };
  for (const [what, [properties, change]] of Object.entries(policies)) {
    test(what, async () => {
      const task = newRawTask('harmless');
      const outcomes = await publishAmid(task, properties);
      expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([]);
      expect(outcomes[IN_FLIGHT / 2]).toMatchObject({ value: { changes: [change] } });
      const bodies = Array.from({ length: IN_FLIGHT }, (_, index) => String(index));
      expect(await bodiesIn(task)).toEqual(['first', ...bodies, 'last']);
    });
  }
});
