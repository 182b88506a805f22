import { afterAll, inject } from 'vitest';
import { type BrokerOptions, type RunningBroker, startBroker } from '../../src/index.ts';
import { installation } from './installation.ts';

const running: RunningBroker[] = [];

afterAll(async () => {
  await Promise.all(running.splice(0).map((broker) => broker.stop()));
});

/**
 * A broker of this test file alone, which it may kill and restart; it is stopped after the file's tests. It
 * takes some seconds to start: tests that leave it running share one.
 */
export async function startPrivateBroker(options: BrokerOptions = {}): Promise<RunningBroker> {
  const broker = await startBroker({ install: true, ...installation, ...options });
  running.push(broker);
  return broker;
}

/** The broker that all tests share. Nobody kills it, and each test uses task ids of its own. */
export function sharedBroker(): { url: string; apiUrl: string } {
  return { url: inject('url'), apiUrl: inject('apiUrl') };
}
