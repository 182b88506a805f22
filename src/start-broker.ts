import type { BrokerOptions, RunningBroker } from './local-broker/broker-options.ts';

/**
 * Starts a private RabbitMQ: an installed one, else one in a container, else one that is installed for it
 * when the caller agrees. Resolves when it takes connections.
 *
 * It ends with this process, however that ends, `kill -9` included, and leaves nothing behind but a `dataDir`
 * that was given. Until then it keeps this process running, as any server does.
 *
 * @throws TaskQueueError `BROKER_START_FAILED` saying what failed and what to do, `INVALID_ARGUMENT`; the
 * reason of `signal` when that is aborted. Nothing is left behind then either.
 */
export async function startBroker(options: BrokerOptions = {}): Promise<RunningBroker> {
  // Most of this package's files are about this, and most of its users never start a broker.
  const broker = await import('./local-broker/start-broker.ts');
  return broker.startBroker(options);
}
