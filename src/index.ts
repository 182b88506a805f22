// For an MCP server: the `TaskMessageQueue` of the SDK, kept in RabbitMQ.
export { RabbitMQTaskMessageQueue } from './sdk/rabbitmq-task-message-queue.ts';
export type { WaitOptions } from './waiting/message-waiter.ts';
export type {
  JSONRPCErrorResponse,
  JSONRPCNotification,
  JSONRPCRequest,
  JSONRPCResultResponse,
  QueueableMessage,
  QueuedError,
  QueuedMessage,
  QueuedNotification,
  QueuedRequest,
  QueuedResponse,
  RequestId,
} from './messages/queued-message.ts';

// Where the broker is, and how long anything may take: what every part of the package is configured with.
export {
  DEFAULT_URL,
  type MalformedPolicy,
  type QueueType,
  type TaskQueueOptions,
  type TlsOptions,
} from './options/task-queue-options.ts';

// How anything here fails, and how to print such a thing without its passwords.
export {
  ErrorCode,
  isTaskQueueError,
  MalformedMessageError,
  PublishUnconfirmedError,
  TaskQueueError,
  type TaskQueueErrorOptions,
} from './errors/task-queue-error.ts';
export { redactUrl } from './options/broker-url.ts';

// For tools: the same queues as bytes and properties, which move from one to another unchanged.
export { TaskQueueClient } from './task-queue-client.ts';
export {
  type BatchHandler,
  type BatchViewer,
  type BrowseOptions,
  type BrokerIdentity,
  type ClearOptions,
  type CloseOptions,
  type DrainOptions,
  MAX_PEEK,
  type PeekOptions,
  type PublishOptions,
  type PublishResult,
  type QueueDepth,
  type QueueKind,
  type SubscriptionListener,
  type TaskEventSubscription,
} from './options/client-options.ts';
export type { MessageProperties } from './properties/message-properties.ts';
export type { OutgoingMessage, RawMessage, StoredMessage } from './messages/stored-message.ts';

// Between bytes, queued messages, and the JSON Lines that drain and replay work with.
export { decodeQueuedMessage, encodeQueuedMessage } from './messages/codec.ts';
export { checkOutgoing } from './messages/prepared-message.ts';
export { defaultProperties } from './messages/default-properties.ts';
export { REPLAY_RULES, type ReplayChange, type ReplayRule } from './properties/replay-policy.ts';
export { type JsonProperties, propertiesToJson } from './properties/property-json.ts';
export { plainProperties } from './properties/plain-properties.ts';
export { type Base64Text, type PropertyText, propertyText, type Uint64 } from './properties/typed-values.ts';
export { encodeRecord, type MessageRecord, parseRecord, recordParts } from './messages/records.ts';
export { withHeaders } from './properties/with-headers.ts';
export { parseMessageInput } from './messages/message-input.ts';

// Following tasks live, without taking anything.
export type { WatchItem } from './watch/watch-items.ts';
export { type WatchTasksOptions, watchTasks } from './watch/watch-tasks.ts';
export type {
  ClearedEvent,
  DequeuedEvent,
  EnqueuedEvent,
  EventName,
  TaskEvent,
} from './events/task-events.ts';

// Which tasks have queues, and deleting the forgotten ones, through RabbitMQ's management API.
export {
  type ListTaskQueuesOptions,
  listTaskQueues,
  type QueueStatistics,
  type TaskQueueInfo,
} from './management/list-task-queues.ts';
export {
  type FindIdleTaskQueuesOptions,
  findIdleTaskQueues,
  type LeftOutQueues,
  type PruneOutcome,
  pruneTaskQueues,
} from './management/prune-task-queues.ts';
export type { ManagementApiOptions } from './management/management-api.ts';
export { type SameBrokerOptions, verifySameBroker } from './management/same-broker.ts';

// One queue and its consumers, and what a broker and its user are, for tools.
export {
  describeTaskQueue,
  type TaskConsumer,
  type TaskQueueDescription,
} from './management/describe-task-queue.ts';
export { type ClusterOverview, readClusterOverview } from './management/cluster-overview.ts';
export type { BrokerInspection, BrokerPermissions } from './options/broker-inspection.ts';
export { inspectBroker } from './inspect-broker.ts';

// What `mcp-taskq/replicas` leaves in the broker: queues for answers, which are no task's, and who asked a question.
export { isReplyQueue } from './messages/reply-queues.ts';

// A RabbitMQ of one's own, for trials and tests.
export { startBroker } from './start-broker.ts';
export type { BrokerOptions, RunningBroker } from './local-broker/broker-options.ts';
export type { ServerInstallation } from './local-broker/find-server.ts';
