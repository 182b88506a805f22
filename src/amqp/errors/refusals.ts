import { ACCESS_REFUSALS } from './access-refusals.ts';
import { CONNECTION_FAILURES } from './connection-failures.ts';
import { CONNECTION_REFUSALS } from './connection-refusals.ts';
import type { Failure, Outcome, Refusal } from './outcome.ts';
import { QUEUE_REFUSALS } from './queue-refusals.ts';

/*
 * Every way in which RabbitMQ and amqplib say no, in the order in which they are looked through: the first row that fits
 * says what it means. A row is found by its reply code, https://www.rabbitmq.com/amqp-0-9-1-reference#constants; where
 * one code has several causes, RabbitMQ's text distinguishes them; its source is noted beside it. The texts are the same in
 * 3.10, 4.0 and 4.3, but for the word before `access to`, which is new in 4.0. They are cut off after 255 bytes, so
 * that with a long queue name only their beginnings are certain. Names may contain anything, such as another text.
 */
const REFUSALS: readonly Refusal[] = [
  ...CONNECTION_REFUSALS,
  ...ACCESS_REFUSALS,
  ...QUEUE_REFUSALS,
  ...CONNECTION_FAILURES,
];

/** @returns undefined for what none of them is about */
export function findOutcome(failure: Failure): Outcome | undefined {
  const reply = typeof failure.code === 'number' ? failure.code : undefined;
  for (const row of REFUSALS) {
    if (row.reply !== reply) continue;
    const match = (row.text ?? /^/).exec(failure.text);
    if (match) return typeof row.outcome === 'function' ? row.outcome(match, failure) : row.outcome;
  }
  return undefined;
}
