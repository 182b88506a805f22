import type { StoredMessage } from '../messages/stored-message.ts';
import { isDate } from '../messages/timestamps.ts';
import type { MessageProperties } from '../properties/message-properties.ts';
import { type JsonProperties, propertiesFromJson, propertiesToJson } from '../properties/property-json.ts';
import { readPropertyList } from '../properties/property-list.ts';
import { bytesFromBase64 } from '../properties/typed-values.ts';

/** The topic exchange for live events. Routing key: the event name, a dot, the task id (`enqueued.0f3c…`). */
export const EVENT_EXCHANGE = 'mcp:events';

/** AMQP 0-9-1 `shortstr`. With a short prefix, a task id can be longer: there are no events for it. */
export const MAX_ROUTING_KEY_BYTES = 255;

/** A larger body is not copied into its event. */
const MAX_EVENT_BODY_BYTES = 64 * 1024;

/** What happened to a task's queue. Best effort: events can be lost, never the messages they are about. */
export type TaskEvent = EnqueuedEvent | DequeuedEvent | ClearedEvent;

/** What can happen: `enqueued`, `dequeued`, `cleared`. */
export type EventName = TaskEvent['event'];

interface BaseEvent {
  /** Whose queue it is. */
  taskId: string;
  /** The full name of the queue, which distinguishes prefixes that share a broker. */
  queue: string;
  /** When it happened by the publisher's clock, in milliseconds since the epoch. */
  at: number;
  /**
   * The events that one publisher has for one routing key. Other programs may publish events without it: what is missing
   * among them is not known.
   */
  stream?: string | undefined;
  /** Its number in the stream, from 1. A number is missing where an event was not sent, or was dropped on its way. */
  sequence?: number | undefined;
}

/** A message was stored. */
export interface EnqueuedEvent extends BaseEvent {
  event: 'enqueued';
  /** The stored body; `undefined` if it was too large to be copied, or events carry headers only. */
  body: Buffer | undefined;
  /** How large the stored body is. */
  bodyBytes: number;
  /** As they were stored. */
  properties: MessageProperties;
  /** See {@link OutgoingMessage.propertyList}. */
  propertyList?: Buffer | undefined;
}

/** Messages were removed by a reader. */
interface DequeuedEvent extends BaseEvent {
  event: 'dequeued';
  count: number;
  /** The message id, if the event is about one message that had one. */
  messageId: string | undefined;
}

/** All messages were removed, and the queue with them unless it was kept. */
interface ClearedEvent extends BaseEvent {
  event: 'cleared';
  count: number;
}

/** The routing key of an event, which is also what groups events into one message. */
export function routingKeyOf({ event, taskId }: TaskEvent): string {
  return `${event}.${taskId}`;
}

/**
 * Events with the same routing key, as the body of one message: for each a line of JSON, and after that of an
 * enqueued one the copy of the body. In the body, and not in headers, none of a message's properties means
 * anything to the broker (a header CC would route copies), and it costs a publisher the least.
 */
export function encodeEvents(events: readonly TaskEvent[]): Buffer {
  const parts: Buffer[] = [];
  for (const event of events) {
    const { queue, at, stream, sequence } = event;
    if (event.event === 'enqueued') {
      const { body, bodyBytes, properties, propertyList } = event;
      const line: Omit<EventLine, 'count' | 'message_id'> = {
        queue,
        at,
        stream,
        sequence,
        body_bytes: bodyBytes,
        has_body: body !== undefined,
        properties: propertiesToJson(properties),
        properties_base64: propertyList?.toString('base64'),
      };
      parts.push(Buffer.from(`${JSON.stringify(line)}\n`));
      if (body !== undefined) parts.push(body);
    } else {
      const message_id = event.event === 'dequeued' ? event.messageId : undefined;
      parts.push(
        Buffer.from(`${JSON.stringify({ queue, at, stream, sequence, count: event.count, message_id })}\n`),
      );
    }
  }
  return Buffer.concat(parts);
}

/** Returns the events that can be decoded, as anybody may publish to the exchange. */
export function decodeEvents(routingKey: string, message: Buffer): TaskEvent[] {
  const dot = routingKey.indexOf('.');
  const [name, taskId] = [routingKey.slice(0, dot), routingKey.slice(dot + 1)];
  const events: TaskEvent[] = [];
  for (let start = 0; start < message.length; ) {
    const end = message.indexOf(0x0a, start);
    const line = parseLine(name, message.subarray(start, end === -1 ? undefined : end));
    if (end === -1 || line === undefined) break;
    start = end + 1;
    const { queue, at, count, message_id: messageId, body_bytes: bodyBytes, has_body: hasBody } = line;
    const { stream, sequence } = line;
    const numbered = stream === undefined ? {} : { stream, sequence };
    if (name === 'enqueued') {
      const body = hasBody ? message.subarray(start, start + bodyBytes) : undefined;
      start += body?.length ?? 0;
      const read = readProperties(line);
      if (read === undefined) break;
      events.push({ event: name, taskId, queue, at, ...numbered, body, bodyBytes, ...read });
    } else if (name === 'dequeued') {
      events.push({ event: name, taskId, queue, at, ...numbered, count, messageId });
    } else if (name === 'cleared') {
      events.push({ event: name, taskId, queue, at, ...numbered, count });
    }
  }
  return events;
}

/** The members of all kinds of events. */
interface EventLine {
  queue: string;
  at: number;
  stream: string | undefined;
  sequence: number | undefined;
  count: number;
  message_id: string | undefined;
  body_bytes: number;
  has_body: boolean;
  properties: JsonProperties;
  properties_base64: string | undefined;
}

function parseLine(name: string, line: Buffer): EventLine | undefined {
  try {
    const value = JSON.parse(line.toString()) as EventLine;
    const isRead = typeof value.queue === 'string' && isDate(value.at);
    const isMessage =
      isSize(value.body_bytes) && typeof value.properties === 'object' && value.properties !== null;
    const isNumbered =
      value.stream === undefined || (typeof value.stream === 'string' && isSize(value.sequence));
    const isRemoval = isSize(value.count) && ['string', 'undefined'].includes(typeof value.message_id);
    return isRead && isNumbered && (name === 'enqueued' ? isMessage : isRemoval) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Validated, as anybody may have made them up. */
function readProperties({
  properties,
  properties_base64: base64,
}: EventLine): ReturnType<typeof readPropertyList> | undefined {
  try {
    if (base64 === undefined) return { properties: propertiesFromJson(properties) };
    const list = bytesFromBase64(base64);
    return list && readPropertyList(list);
  } catch {
    return undefined;
  }
}

function isSize(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
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
  { body, properties, propertyList }: Pick<StoredMessage, 'body' | 'properties' | 'propertyList'>,
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
    ...(propertyList && { propertyList }),
  };
}
