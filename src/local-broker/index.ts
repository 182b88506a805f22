// A private RabbitMQ, for trials and tests.

export type { BrokerOptions, RunningBroker } from './broker-options.ts';
export { findServer, type ServerInstallation } from './find-server.ts';
export { startBroker } from './start-broker.ts';
