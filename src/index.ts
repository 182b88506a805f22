export { redactUrl } from './broker-url.ts';
export * from './codec.ts';
export * from './errors.ts';
export * from './messages.ts';
export * from './options.ts';
export * from './rabbitmq-task-message-queue.ts';
export * from './stored-message.ts';
export * from './task-queue-client.ts';
