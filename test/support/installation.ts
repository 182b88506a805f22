import type { BrokerOptions } from '../../src/local-broker/index.ts';

/** Another RabbitMQ than the one of this machine for all brokers of the tests: see rabbitmq-4.js. */
export const installation: Pick<BrokerOptions, 'installation'> = process.env.TASKQ_TEST_INSTALLATION
  ? { installation: JSON.parse(process.env.TASKQ_TEST_INSTALLATION) }
  : {};
