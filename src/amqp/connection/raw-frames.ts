/*
 * amqplib decodes every number of a property list to a JavaScript number, takes all text for UTF-8, and encodes into
 * 64 KiB. A message that is moved must keep its bytes, so two methods of our own connection objects (nothing global) are
 * replaced: the one that reads frames hands over property lists undecoded, and the one that publishes takes them so.
 *
 * Both are called through `this` in amqplib 0.10.9 to 2.3. Where that changes, `propertyListIn` throws at the first
 * message.
 */
import type { Duplex } from 'node:stream';
import type { ChannelModel, ConfirmChannel } from 'amqplib';
import { ReadGate } from './read-gate.ts';

/** In place of decoded properties: the bytes. */
const LIST = Symbol('property list');

/** AMQP 0-9-1, 4.2.3: frame types, the end octet, and the length of what surrounds a payload. */
const METHOD_FRAME = 1;
const HEADER_FRAME = 2;
const FRAME_END = 0xce;
const FRAME_START_BYTES = 7;
const FRAME_BYTES = FRAME_START_BYTES + 1;

/** Class basic, and its method publish. */
const BASIC = 60;
const PUBLISH = 40;

/** Class, weight and body size, before the property list in the payload of a header frame. */
const HEADER_START_BYTES = 12;

/** RabbitMQ sends no larger ones. */
const MAX_BODY_BYTES = 512 * 1024 * 1024;

/** As amqplib hands frames on (lib/frame.js): methods and headers have fields, bodies content. */
interface Frame {
  channel: number;
  size?: number;
  content?: Buffer;
}

/** The members of amqplib's `Connection` that are used here (lib/connection.js). */
interface Connection {
  rest: Buffer;
  frameMax: number;
  recvSinceLastCheck: boolean;
  stream: Duplex;
  channels: { buffer: { write(bytes: Buffer): boolean } }[];
  recvFrame(): Frame | false;
  sendMessage(
    channel: number,
    method: unknown,
    fields: object,
    type: unknown,
    properties: object,
    body: Buffer,
  ): boolean;
  sendContent(channel: number, body: Buffer): boolean;
}

/** The members of amqplib's `ConfirmChannel` that are used here (lib/channel.js). */
interface RawChannel {
  connection: Connection;
  ch: number;
  sendMessage(fields: object, properties: object, body: Buffer): boolean;
  pushConfirmCallback(callback: (error: unknown) => void): void;
}

/** A message of which the header has come, and not all of the body. */
interface Arriving {
  body: Buffer;
  received: number;
}

/** What is known of a connection beside what amqplib keeps. */
interface Reading {
  gate: ReadGate;
  /** Of each channel that is receiving a body of several frames. */
  arriving: (Arriving | undefined)[];
}

const readings = new WeakMap<Connection, Reading>();

/** Replaces both methods of a connection that has just been opened. */
export function useRawFrames(model: ChannelModel): void {
  const connection = model.connection as unknown as Connection;
  const { recvFrame, sendMessage, stream } = connection;
  const gate = new ReadGate(() => setImmediate(() => stream.emit('readable')));
  const arriving: Reading['arriving'] = [];
  readings.set(connection, { gate, arriving });
  let whole: Frame | undefined;
  connection.recvFrame = () => {
    for (;;) {
      if (gate.isClosed) return false;
      const header = takeHeaderFrame(connection);
      if (header !== undefined) {
        const { channel, size } = header;
        const hasSeveral = size > connection.frameMax - FRAME_BYTES && size <= MAX_BODY_BYTES;
        arriving[channel] = hasSeveral ? { body: Buffer.allocUnsafeSlow(size), received: 0 } : undefined;
        return header;
      }
      // It comes back here when it has read more.
      const frame = recvFrame.call(connection);
      if (!frame || frame.content === undefined || frame === whole) return frame;
      const message = arriving[frame.channel];
      if (message === undefined) return frame;
      // amqplib would keep all frames, each with what was read together with it, and copy them in the end.
      message.received += frame.content.copy(message.body, message.received);
      if (message.received < message.body.length) continue;
      arriving[frame.channel] = undefined;
      whole = { ...frame, content: message.body };
      return whole;
    }
  };
  connection.sendMessage = (channel, method, fields, type, properties, body) => {
    const list = (properties as { [LIST]?: Buffer })[LIST];
    if (list === undefined)
      return sendMessage.call(connection, channel, method, fields, type, properties, body);
    return writePublish(connection, channel, (fields as { queue: string }).queue, list, body);
  };
  // While nothing is read, nothing says whether the peer is alive.
  let hasReceived = connection.recvSinceLastCheck;
  Object.defineProperty(connection, 'recvSinceLastCheck', {
    get: () => hasReceived || gate.isClosed,
    set: (value: boolean) => {
      hasReceived = value;
    },
  });
}

/** The read gate of a connection, or of a channel's connection. */
export function readGateOf({ connection }: { connection: unknown }): ReadGate {
  return (readings.get(connection as Connection) as Reading).gate;
}

/** Whether part of a message has come on a channel, and the rest is on its way. */
export function isReceiving(channel: unknown): boolean {
  const { connection, ch } = channel as RawChannel;
  return (readings.get(connection) as Reading).arriving[ch] !== undefined;
}

/**
 * The property list of a delivered, got or returned message: flags and values, as in its header frame. A view of what
 * was read from the socket, not to be kept for longer than the body.
 */
export function propertyListIn(message: { properties: object }): Buffer {
  const list = (message.properties as { [LIST]?: Buffer })[LIST];
  if (list === undefined) throw new Error('This version of amqplib decodes property lists in another place');
  return list;
}

/** The largest property list that fits the one frame which AMQP has for it, on this connection. */
export function maxPropertyListBytes(channel: unknown): number {
  return (channel as RawChannel).connection.frameMax - FRAME_BYTES - HEADER_START_BYTES;
}

/**
 * Publishes to the default exchange, mandatory, with an encoded property list.
 * @param onConfirm called as amqplib calls the callback of `publish`
 * @throws what amqplib throws when the channel or the connection has ended; nothing is sent then
 */
export function publishRaw(
  channel: ConfirmChannel,
  queue: string,
  list: Buffer,
  body: Buffer,
  onConfirm: (error: unknown) => void,
): void {
  const raw = channel as unknown as RawChannel;
  raw.sendMessage({ queue }, { [LIST]: list }, body);
  raw.pushConfirmCallback(onConfirm);
}

/** The frame that `rest` begins with, if that is the whole header of a message, as amqplib hands frames on. */
function takeHeaderFrame(connection: Connection): (Frame & { size: number }) | undefined {
  const { rest } = connection;
  if (rest.length < FRAME_BYTES || rest[0] !== HEADER_FRAME) return undefined;
  const end = FRAME_START_BYTES + rest.readUInt32BE(3);
  if (rest.length <= end || rest[end] !== FRAME_END || rest.readUInt16BE(FRAME_START_BYTES) !== BASIC)
    return undefined;
  connection.rest = rest.subarray(end + 1);
  const frame = {
    id: BASIC,
    channel: rest.readUInt16BE(1),
    size: Number(rest.readBigUInt64BE(FRAME_START_BYTES + 4)),
    fields: { [LIST]: rest.subarray(FRAME_START_BYTES + HEADER_START_BYTES, end) },
  };
  return frame;
}

function writePublish(
  connection: Connection,
  channel: number,
  queue: string,
  list: Buffer,
  body: Buffer,
): boolean {
  const { buffer } = connection.channels[channel] as Connection['channels'][number];
  const keyBytes = Buffer.byteLength(queue);
  // Class and method, a reserved word, the empty exchange name, the routing key with its length, and the flags.
  const publishBytes = 4 + 2 + 1 + 1 + keyBytes + 1;
  const headerBytes = HEADER_START_BYTES + list.length;
  const out = Buffer.allocUnsafe(publishBytes + headerBytes + 2 * FRAME_BYTES);
  let at = startFrame(out, 0, METHOD_FRAME, channel, publishBytes);
  at = out.writeUInt16BE(BASIC, at);
  at = out.writeUInt16BE(PUBLISH, at);
  at = out.writeUInt16BE(0, at);
  at = out.writeUInt8(0, at);
  at = out.writeUInt8(keyBytes, at);
  at += out.write(queue, at);
  // Mandatory, and not immediate.
  at = out.writeUInt8(1, at);
  at = out.writeUInt8(FRAME_END, at);
  at = startFrame(out, at, HEADER_FRAME, channel, headerBytes);
  at = out.writeUInt16BE(BASIC, at);
  at = out.writeUInt16BE(0, at);
  at = out.writeUInt32BE(Math.floor(body.length / 2 ** 32), at);
  at = out.writeUInt32BE(body.length % 2 ** 32, at);
  at += list.copy(out, at);
  out.writeUInt8(FRAME_END, at);
  buffer.write(out);
  return connection.sendContent(channel, body);
}

function startFrame(out: Buffer, start: number, type: number, channel: number, payloadBytes: number): number {
  let at = out.writeUInt8(type, start);
  at = out.writeUInt16BE(channel, at);
  return out.writeUInt32BE(payloadBytes, at);
}
