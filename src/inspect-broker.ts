import type { BrokerInspection } from './options/broker-inspection.ts';
import type { TaskQueueOptions } from './options/task-queue-options.ts';

/**
 * Connects to a broker, and finds out what it is and what this user may do there, by steps on queues and exchanges that
 * do not exist. Creates nothing, stores nothing and looks at no message.
 *
 * @throws TaskQueueError when there is no connection: `CONNECTION_FAILED`, `AUTHENTICATION_FAILED`, `VHOST_NOT_FOUND`, …
 */
export async function inspectBroker(options?: string | TaskQueueOptions): Promise<BrokerInspection> {
  const { inspectBroker: inspect } = await import('./amqp/inspect-broker.ts');
  return inspect(options);
}
