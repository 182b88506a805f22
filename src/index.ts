export type { SubscriptionListener } from './amqp/event-subscription.ts';
export type { BrokerOptions, RunningBroker } from './broker/broker-options.ts';
export type { ServerInstallation } from './broker/find-server.ts';
export { redactUrl } from './broker-url.ts';
export * from './client-options.ts';
export * from './codec.ts';
export * from './errors.ts';
export * from './list-task-queues.ts';
export { ManagementApi, type ManagementApiOptions } from './management-api.ts';
export * from './message-input.ts';
export * from './messages.ts';
export * from './options.ts';
export * from './prune-task-queues.ts';
export * from './rabbitmq-task-message-queue.ts';
export * from './records.ts';
export { startBroker } from './start-broker.ts';
export * from './stored-message.ts';
export {
  type ClearedEvent,
  type DequeuedEvent,
  type EnqueuedEvent,
  EVENT_EXCHANGE,
  type EventName,
  type TaskEvent,
} from './task-events.ts';
export * from './task-queue-client.ts';
export * from './watch-tasks.ts';
