import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError } from '@commander-js/extra-typings';
import type { OutgoingMessage } from '../../index.ts';
import { MAX_TIMER_MS } from '../text/durations.ts';
import { summarize } from '../text/message-summary.ts';

/** Option parser: `100/s`, `30/m`, or a plain number (per second); gives messages per second. */
export function rateOption(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(?:\/(s|m|h))?$/.exec(text);
  const seconds = { s: 1, m: 60, h: 3600 }[match?.[2] ?? 's'] as number;
  const rate = Number(match?.[1]) / seconds;
  if (!(rate > 0)) throw new InvalidArgumentError('Use a rate such as 100/s, 30/m or 10/h.');
  return rate;
}

/** Option parser: a speed-up factor. */
export function speedOption(text: string): number {
  const speed = /^\d+(\.\d+)?x?$/.test(text) ? Number.parseFloat(text) : Number.NaN;
  if (!(speed > 0)) throw new InvalidArgumentError('Expected a number above 0; 2 is twice as fast.');
  return speed;
}

/** How fast messages are sent. With `rate` and `keepTiming`, neither limit is exceeded. */
export interface Pace {
  /** Messages per second. */
  rate?: number;
  /** Keep the gaps between the times at which they were queued. */
  keepTiming?: true;
  /** Divides those gaps. */
  speed: number;
}

export function paced<T extends OutgoingMessage>(
  messages: Iterable<T> | AsyncIterable<T>,
  { rate, keepTiming, speed }: Pace,
  signal: AbortSignal,
): Iterable<T> | AsyncIterable<T> {
  const timed = keepTiming ? withTiming(messages, speed, signal) : messages;
  return rate === undefined ? timed : atRate(timed, rate, signal);
}

/** Yields messages evenly, at `rate` per second. */
async function* atRate<T>(
  messages: Iterable<T> | AsyncIterable<T>,
  rate: number,
  signal: AbortSignal,
): AsyncGenerator<T> {
  const start = performance.now();
  let index = 0;
  for await (const message of messages) {
    await until(start + (1000 * index++) / rate, signal);
    yield message;
  }
}

/**
 * Yields messages with the gaps between the times at which they were queued. A message without that time follows
 * immediately.
 */
async function* withTiming<T extends OutgoingMessage>(
  messages: Iterable<T> | AsyncIterable<T>,
  speed: number,
  signal: AbortSignal,
): AsyncGenerator<T> {
  const start = performance.now();
  let firstAt: number | undefined;
  for await (const message of messages) {
    const { body, properties = {} } = message;
    const { queuedAt } = summarize({ body, properties });
    firstAt ??= queuedAt;
    if (queuedAt !== undefined && firstAt !== undefined)
      await until(start + (queuedAt - firstAt) / speed, signal);
    yield message;
  }
}

async function until(time: number, signal: AbortSignal): Promise<void> {
  for (let ms = time - performance.now(); ms > 0; ms = time - performance.now()) {
    await sleep(Math.min(ms, MAX_TIMER_MS), undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}
