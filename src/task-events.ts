import type { MessageProperties, StoredMessage } from './stored-message.ts';

/**
 * The topic exchange that this package tells live events through. Routing key: what happened, a dot, the task
 * id (`enqueued.0f3c…`).
 */
export const EVENT_EXCHANGE = 'mcp:events';

/** A larger body is not copied into its event. */
export const MAX_EVENT_BODY_BYTES = 64 * 1024;

/** What happened to a task's queue. Best effort: events can be lost, never the messages they are about. */
export type TaskEvent = EnqueuedEvent | DequeuedEvent | ClearedEvent;

export type EventName = TaskEvent['event'];

interface BaseEvent {
  taskId: string;
  /** The full name of the queue; tells prefixes apart that share a broker. */
  queue: string;
  /** When it happened by the publisher's clock, in milliseconds since the epoch. */
  at: number;
}

/** A message was stored. */
export interface EnqueuedEvent extends BaseEvent {
  event: 'enqueued';
  /** As it was stored; `undefined` when it was too large to be copied, or headers only were asked for. */
  body: Buffer | undefined;
  bodyBytes: number;
  properties: MessageProperties;
}

/** Messages were removed by a reader. */
export interface DequeuedEvent extends BaseEvent {
  event: 'dequeued';
  count: number;
  /** Of the message, when it was one and had one. */
  messageId: string | undefined;
}

/** All messages were removed, and the queue with them unless it was kept. */
export interface ClearedEvent extends BaseEvent {
  event: 'cleared';
  count: number;
}

/** How an event travels: the copy of the body, and everything else in the headers. */
export interface EventMessage {
  routingKey: string;
  body: Buffer;
  headers: { [name: string]: unknown };
}

/** AMQP 0-9-1 `shortstr`. */
const MAX_ROUTING_KEY_BYTES = 255;

/** `undefined` when the event cannot be routed: with a short prefix, a task id can be longer than a key. */
export function encodeEvent(event: TaskEvent): EventMessage | undefined {
  const { event: name, taskId, queue, at } = event;
  const routingKey = `${name}.${taskId}`;
  if (Buffer.byteLength(routingKey) > MAX_ROUTING_KEY_BYTES) return undefined;
  const headers: EventMessage['headers'] = { event: name, queue, at };
  if (name !== 'enqueued') {
    headers.count = event.count;
    if (name === 'dequeued' && event.messageId !== undefined) headers.message_id = event.messageId;
    return { routingKey, body: Buffer.alloc(0), headers };
  }
  headers.body_bytes = event.bodyBytes;
  headers.has_body = event.body !== undefined;
  // In a table of their own, so that none of them means anything to the broker: CC would route copies.
  headers.properties = event.properties;
  return { routingKey, body: event.body ?? Buffer.alloc(0), headers };
}

/** `undefined` for a message that is no event of this package: anybody may publish to the exchange. */
export function decodeEvent({ routingKey, body, headers }: EventMessage): TaskEvent | undefined {
  const { event, queue, at, count, message_id, body_bytes, has_body, properties } = headers;
  if (typeof event !== 'string' || !routingKey.startsWith(`${event}.`)) return undefined;
  if (typeof queue !== 'string' || typeof at !== 'number') return undefined;
  const base = { taskId: routingKey.slice(event.length + 1), queue, at };
  switch (event) {
    case 'enqueued':
      if (typeof body_bytes !== 'number' || typeof properties !== 'object') return undefined;
      return {
        ...base,
        event,
        body: has_body === true ? body : undefined,
        bodyBytes: body_bytes,
        properties: properties as MessageProperties,
      };
    case 'dequeued': {
      const messageId = typeof message_id === 'string' ? message_id : undefined;
      return typeof count === 'number' ? { ...base, event, count, messageId } : undefined;
    }
    case 'cleared':
      return typeof count === 'number' ? { ...base, event, count } : undefined;
    default:
      return undefined;
  }
}

/**
 * Routing patterns for events of a task, or of all tasks. In a pattern `*` stands for one word and `#` for any
 * number, so those of a task id with such words match more than that task.
 */
export function eventPatterns(events: readonly EventName[], taskId?: string): string[] {
  return events.map((event) => `${event}.${taskId ?? '#'}`);
}

/** The event of a message that was just stored. */
export function enqueuedEvent(
  taskId: string,
  queue: string,
  { body, properties }: Pick<StoredMessage, 'body' | 'properties'>,
  withBody: boolean,
): EnqueuedEvent {
  const copied = withBody && body.length <= MAX_EVENT_BODY_BYTES;
  return {
    event: 'enqueued',
    taskId,
    queue,
    at: Date.now(),
    body: copied ? body : undefined,
    bodyBytes: body.length,
    properties,
  };
}
