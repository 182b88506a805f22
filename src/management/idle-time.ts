/*
 * Since when a queue has been idle. RabbitMQ's `idle_since` says when its process last did anything, and RabbitMQ 3.8.1 to 3.x
 * does something every two minutes (https://github.com/rabbitmq/rabbitmq-server/issues/2217; seen on 3.10, and not on 4.0 and
 * 4.3). Counting the messages of the queue resets it as well. But the broker keeps an hour of samples of its message counters.
 */

import { parseTimestamp } from '../messages/timestamps.ts';

/** As far back as the samples go. */
export const MOST_HISTORY_MS = 3_600_000;

/** Samples of the last ten minutes are kept five seconds apart, and older ones a minute apart. */
const FINE_MS = 600_000;
const FINE_STEP_MS = 5_000;
const COARSE_STEP_MS = 60_000;

/** As many steps as an idle time is divided into: its end is known to one of them. */
const STEPS = 10;

/** The counters that move when a queue is used: messages in, messages out, and looks for one that found none. */
const COUNTERS = ['publish', 'deliver_get', 'get_empty'] as const;

type Sample = { sample: number; timestamp: number };

/** `message_stats` of the management API, with totals, or with samples. */
export interface MessageStats {
  publish?: number;
  deliver_get?: number;
  get_empty?: number;
  publish_details?: { samples?: Sample[] };
  deliver_get_details?: { samples?: Sample[] };
  get_empty_details?: { samples?: Sample[] };
}

export const TOTAL_COLUMNS = COUNTERS.map((name) => `message_stats.${name}`).join(',');

/** The query for samples that go back this far, or as far as there are any. */
export function historyQuery(ms: number): { [name: string]: string | number } {
  const wanted = Math.min(Math.max(ms, FINE_STEP_MS), MOST_HISTORY_MS);
  const unit = wanted * (1 + 2 / STEPS) <= FINE_MS ? FINE_STEP_MS : COARSE_STEP_MS;
  const step = unit * Math.ceil(wanted / STEPS / unit);
  return {
    columns: `name,vhost,${COUNTERS.map((name) => `message_stats.${name}_details.samples`).join(',')}`,
    // A sample is at a multiple of the step: two more, so that the first one is old enough.
    msg_rates_age: Math.min(wanted + 2 * step, MOST_HISTORY_MS) / 1000,
    msg_rates_incr: step / 1000,
  };
}

/**
 * Since when a queue has been idle, at the latest, in milliseconds since the epoch, by this machine's clock.
 * @param since RabbitMQ's `idle_since`: absent while its process does anything, such as counting messages
 * @param totals the counters now
 * @param history what they were, if that was asked for
 * @param clockAheadMs how far the broker's clock, by which all these times are, is ahead of this machine's
 */
export function idleSince(
  since: string | null | undefined,
  totals: MessageStats | undefined,
  history: MessageStats | undefined,
  clockAheadMs = 0,
): number | undefined {
  const known = since ? parseTimestamp(since) : undefined;
  const unused = unusedSince(totals, history, Date.now() + clockAheadMs);
  const earliest = known === undefined ? unused : Math.min(known, unused ?? known);
  return earliest === undefined ? undefined : earliest - clockAheadMs;
}

/**
 * When a queue was last used, at the latest, in milliseconds since the epoch: all its counters have been the same since.
 * @param totals what they are now
 * @param history what they were
 * @param now where one has moved since the last sample, the queue may have been used until now
 * @returns undefined where the broker has no counters: nothing has gone through the queue since it, or its node, started
 */
export function unusedSince(
  totals: MessageStats | undefined,
  history: MessageStats | undefined,
  now = Date.now(),
): number | undefined {
  let since: number | undefined;
  for (const name of COUNTERS) {
    const samples = history?.[`${name}_details`]?.samples ?? [];
    const total = totals?.[name];
    if (total === undefined || samples.length === 0) continue;
    since = Math.max(since ?? 0, sameSince(samples, total) ?? now);
  }
  return since;
}

/** The time of the first of the latest samples that are all equal to the total; undefined if not even the last one is. */
function sameSince(samples: readonly Sample[], total: number): number | undefined {
  let since: number | undefined;
  for (const { sample, timestamp } of samples.toSorted((a, b) => b.timestamp - a.timestamp)) {
    if (sample !== total) break;
    since = timestamp;
  }
  return since;
}
