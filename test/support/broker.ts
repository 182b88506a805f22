import { setTimeout as sleep } from 'node:timers/promises';
import { inject } from 'vitest';
import { type BrokerOptions, type RunningBroker, startBroker } from '../../src/local-broker/index.ts';
import { installation } from './installation.ts';

const running: RunningBroker[] = [];
const stops: (() => Promise<void>)[] = [];

/** Of the test file that ends. */
export async function stopPrivateBrokers(): Promise<void> {
  await Promise.all(running.splice(0).map((broker) => broker.stop()));
  for (const stop of stops.splice(0).reverse()) await stop();
}

/** Has this stopped after the tests of the file and its brokers, the latest first. */
export function stopAfterFile(stop: () => Promise<void>): void {
  stops.push(stop);
}

/**
 * A broker of this test file alone, which it may kill and restart; it is stopped after the file's tests. It
 * takes some seconds to start: tests that leave it running share one.
 */
export async function startPrivateBroker(options: BrokerOptions = {}): Promise<RunningBroker> {
  const broker = await startBroker({
    install: true,
    ...installation,
    ...options,
  });
  running.push(broker);
  return broker;
}

/**
 * Resolves when the queues that are there now outlive a `kill -9`. RabbitMQ 3.10, killed within a second after the first
 * confirmed message of a new queue, had forgotten the queue in 2 of 86 cases; after this time in none of 80. The log of
 * its database is cached for two seconds (OTP, disk_log_1.erl).
 */
export async function untilQueuesLast(): Promise<void> {
  await sleep(2_500);
}

/** The broker that all tests share. Nobody kills it, and each test uses task ids of its own. */
export function sharedBroker(): { url: string; apiUrl: string } {
  return { url: inject('url'), apiUrl: inject('apiUrl') };
}
