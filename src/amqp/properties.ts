import type { Options, MessageProperties as ReceivedProperties } from 'amqplib';
import type { MessageProperties } from '../wire/stored-message.ts';

/** AMQP's names and amqplib's for the same property. */
const NAMES = {
  content_type: 'contentType',
  content_encoding: 'contentEncoding',
  headers: 'headers',
  delivery_mode: 'deliveryMode',
  priority: 'priority',
  correlation_id: 'correlationId',
  reply_to: 'replyTo',
  expiration: 'expiration',
  message_id: 'messageId',
  timestamp: 'timestamp',
  type: 'type',
  user_id: 'userId',
  app_id: 'appId',
} as const satisfies Partial<Record<keyof MessageProperties, string>>;

const ENTRIES = Object.entries(NAMES) as [keyof typeof NAMES, (typeof NAMES)[keyof typeof NAMES]][];

/** amqplib sends an empty header table with every message, so an empty one says nothing and is left out. */
export function fromAmqplib(received: ReceivedProperties): MessageProperties {
  const properties: Record<string, unknown> = {};
  for (const [name, theirs] of ENTRIES) {
    const value: unknown = received[theirs];
    if (value === undefined) continue;
    if (theirs === 'headers' && Object.keys(value as object).length === 0) continue;
    properties[name] = value;
  }
  return properties;
}

/**
 * How amqplib is told to publish, and to say when there is no queue (`mandatory`). Written out, so that V8 sees one
 * shape of object: made in a loop, it costs a publish more than everything else here does.
 */
export function publishOptions(properties: MessageProperties): Options.Publish {
  const options: { [Name in keyof Options.Publish]: Options.Publish[Name] | undefined } = {
    mandatory: true,
    contentType: properties.content_type,
    contentEncoding: properties.content_encoding,
    headers: properties.headers,
    deliveryMode: properties.delivery_mode,
    priority: properties.priority,
    correlationId: properties.correlation_id,
    replyTo: properties.reply_to,
    expiration: properties.expiration,
    messageId: properties.message_id,
    timestamp: properties.timestamp,
    type: properties.type,
    userId: properties.user_id,
    appId: properties.app_id,
  };
  // amqplib leaves out what is undefined.
  return options as Options.Publish;
}
