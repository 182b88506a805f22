// For an MCP server: the `TaskMessageQueue` of the SDK, kept in RabbitMQ.
export { RabbitMQTaskMessageQueue } from './sdk/rabbitmq-task-message-queue.ts';
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

// For tools: the same queues as bytes and properties, which are moved unchanged.
export { TaskQueueClient } from './task-queue-client.ts';
export {
  type BatchHandler,
  type BatchViewer,
  type ClearOptions,
  type CloseOptions,
  type DrainEnd,
  type DrainOptions,
  MAX_PEEK,
  type PeekOptions,
  type PublishOptions,
  type PublishResult,
  type QueueDepth,
  type QueueKind,
  type WaitOptions,
} from './options/client-options.ts';
export type { OutgoingMessage, RawMessage, StoredMessage } from './messages/stored-message.ts';
export type { ReplayChange } from './properties/replay-policy.ts';

// Options of all of these: where the broker is, and how long anything may take.
export type {
  MalformedPolicy,
  QueueType,
  TaskQueueOptions,
  TlsOptions,
} from './options/task-queue-options.ts';

// Observing them: status events, counters, tracing channels.
export type {
  ConnectionChange,
  ConnectionEvent,
  ConnectionName,
  StatusEvent,
  WarningEvent,
} from './diagnostics/status-event.ts';
export type { ClientStats, ConnectionState, ConnectionStats, MessageLoad } from './diagnostics/stats.ts';
export type { ConnectTrace, DequeueTrace, EnqueueTrace } from './diagnostics/tracing.ts';

// Errors, and printing URLs without their passwords.
export {
  ErrorCode,
  type ErrorWithCode,
  hasCode,
  isTaskQueueError,
  MalformedMessageError,
  PublishUnconfirmedError,
  TaskQueueError,
  type TaskQueueErrorOptions,
} from './errors/task-queue-error.ts';
export { redactUrl } from './options/broker-url.ts';

// Bodies as queued messages, and properties as plain values.
export { decodeQueuedMessage, encodeQueuedMessage } from './messages/codec.ts';
export { defaultProperties } from './messages/default-properties.ts';
export type { MessageProperties } from './properties/message-properties.ts';
export { plainProperties } from './properties/plain-properties.ts';
export { type Base64Text, type PropertyText, propertyText, type Uint64 } from './properties/typed-values.ts';

// Messages as lines of a file, the format of drain and replay.
export { encodeRecord, type MessageRecord, parseRecord } from './messages/records.ts';

// Following tasks live, without taking anything.
export { type WatchTasksOptions, watchTasks } from './watch/watch-tasks.ts';
export type { WatchItem } from './watch/watch-items.ts';

// Which tasks have queues, and deleting the forgotten ones, through RabbitMQ's management API.
export {
  type ListTaskQueuesOptions,
  listTaskQueues,
  type QueueStatistics,
  type TaskQueueInfo,
} from './management/list-task-queues.ts';
export {
  describeTaskQueue,
  type TaskConsumer,
  type TaskQueueDescription,
} from './management/describe-task-queue.ts';
export {
  type FindIdleTaskQueuesOptions,
  findIdleTaskQueues,
  type LeftOutQueues,
  type PruneOutcome,
  pruneTaskQueues,
} from './management/prune-task-queues.ts';
export type { ManagementApiOptions } from './management/management-api.ts';

// A broker, and what its user may do there.
export { inspectBroker } from './inspect-broker.ts';
export type { BrokerInspection, BrokerPermissions } from './options/broker-inspection.ts';
