import { connect as connectSocket, type Socket } from 'node:net';
import { long, short, uint } from './amqp-bytes.ts';

/** The queue of a task. */
export function queueOf(taskId: string): string {
  return `mcp:queue:${taskId}`;
}

/** A message as frames carry it: the bytes of its property list (flags and values) and of its body. */
export interface FramedMessage {
  /** What follows the size of the body in the content header frame. */
  list: Buffer;
  body: Buffer;
}

/** A message that was delivered. */
export interface DeliveredFrames extends FramedMessage {
  redelivered: boolean;
}

/** The broker closed the channel or the connection. */
class ClosedByBroker extends Error {
  readonly code: number;

  constructor(code: number, text: string) {
    super(`${code} ${text}`);
    this.code = code;
  }
}

const [METHOD, HEADER, BODY] = [1, 2, 3];
const FRAME_END = 0xce;
const FRAME_OVERHEAD = 8;
const CHANNEL = 1;
const BASIC = 60;
const NO_TABLE = uint(4, 0);

/** Class and method, as one number. */
const method = (classId: number, methodId: number) => (classId << 16) | methodId;
const START = method(10, 10);
const TUNE = method(10, 30);
const CONNECTION_CLOSE = method(10, 50);
const CHANNEL_CLOSE = method(20, 40);
const RETURN = method(BASIC, 50);
const DELIVER = method(BASIC, 60);
const GET_OK = method(BASIC, 71);
const GET_EMPTY = method(BASIC, 72);
const ACK = method(BASIC, 80);
const NACK = method(BASIC, 120);

interface Method {
  id: number;
  fields: Buffer;
}

/** Waits for the next method that answers a request, or for a rejection. */
interface Waiter {
  resolve(answer: Method & Partial<FramedMessage>): void;
  reject(error: Error): void;
}

/**
 * AMQP 0-9-1 on a socket, with one channel in confirm mode: it writes property lists as bytes and gives the bytes of
 * those that it receives, and so neither checks nor changes any. For tests only: no heartbeats, no reconnecting.
 */
export class RawAmqp {
  /** The largest frame that the broker takes. */
  frameMax = 0;
  /** How many publishes the broker refused (`basic.nack`), and how many it returned as unroutable. */
  nacked = 0;
  returned = 0;
  readonly #socket: Socket;
  #unread: Buffer = Buffer.alloc(0);
  #content: { method: Method; list: Buffer; size: number; chunks: Buffer[]; length: number } | undefined;
  readonly #waiters: Waiter[] = [];
  readonly #inbox: DeliveredFrames[] = [];
  #published = 0;
  /** What the broker has not confirmed, by its number; transient messages are confirmed before older persistent ones. */
  readonly #unconfirmed = new Set<number>();
  #wake: () => void = () => {};
  #failure: Error | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => this.#read(bytes));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('The connection has ended')));
  }

  get isOpen(): boolean {
    return this.#failure === undefined;
  }

  static async connect(url: string): Promise<RawAmqp> {
    const { hostname, port, username, password, pathname } = new URL(url);
    const amqp = new RawAmqp(connectSocket({ host: hostname, port: Number(port) }));
    const user = decodeURIComponent(username) || 'guest';
    const response = `\0${user}\0${decodeURIComponent(password) || 'guest'}`;
    amqp.#socket.write('AMQP\0\0\x09\x01', 'latin1');
    await amqp.#answer(START);
    amqp.#send(0, method(10, 11), NO_TABLE, short('PLAIN'), long(response), short('en_US'));
    const tune = await amqp.#answer(TUNE);
    amqp.frameMax = tune.fields.readUInt32BE(2);
    amqp.#send(0, method(10, 31), tune.fields.subarray(0, 6), uint(2, 0));
    const vhost = decodeURIComponent(pathname.slice(1)) || '/';
    await amqp.#request(0, method(10, 40), short(vhost), short(''), uint(1, 0));
    await amqp.#request(CHANNEL, method(20, 10), short(''));
    await amqp.#request(CHANNEL, method(85, 10), uint(1, 0));
    return amqp;
  }

  /** A durable queue. @param table the bytes of its arguments, length included */
  async declare(queue: string, table: Buffer = NO_TABLE): Promise<void> {
    await this.#request(CHANNEL, method(50, 10), uint(2, 0), short(queue), uint(1, 0b10), table);
  }

  /** Routes what is published to an exchange to the queue. */
  async bind(queue: string, exchange: string, key: string): Promise<void> {
    const names = [short(queue), short(exchange), short(key)];
    await this.#request(CHANNEL, method(50, 20), uint(2, 0), ...names, uint(1, 0), NO_TABLE);
  }

  /** With whatever is in it. @returns how many messages were */
  async delete(queue: string): Promise<number> {
    const { fields } = await this.#request(CHANNEL, method(50, 40), uint(2, 0), short(queue), uint(1, 0));
    return fields.readUInt32BE(0);
  }

  /** @returns how many messages are ready */
  async depth(queue: string): Promise<number> {
    const passive = 0b1;
    const { fields } = await this.#request(
      CHANNEL,
      method(50, 10),
      uint(2, 0),
      short(queue),
      uint(1, passive),
      NO_TABLE,
    );
    return fields.readUInt32BE(1 + fields.readUInt8(0));
  }

  /** Publishes to the default exchange. {@link confirmed} waits for it. */
  publish(queue: string, { list, body }: FramedMessage): void {
    if (this.#failure) throw this.#failure;
    const mandatory = 0b1;
    this.#unconfirmed.add(++this.#published);
    this.#send(CHANNEL, method(BASIC, 40), uint(2, 0), short(''), short(queue), uint(1, mandatory));
    this.#write(HEADER, CHANNEL, uint(2, BASIC), uint(2, 0), uint(8, body.length), list);
    const most = this.frameMax - FRAME_OVERHEAD;
    for (let at = 0; at < body.length; at += most) this.#write(BODY, CHANNEL, body.subarray(at, at + most));
  }

  /** Resolves when all that was published is confirmed or refused; rejects when the broker closed the channel. */
  async confirmed(): Promise<void> {
    await this.#until(() => this.#unconfirmed.size === 0);
  }

  /** The oldest message, removed. */
  async get(queue: string): Promise<DeliveredFrames | undefined> {
    const noAck = 1;
    const answer = await this.#request(CHANNEL, method(BASIC, 70), uint(2, 0), short(queue), uint(1, noAck));
    return answer.id === GET_EMPTY ? undefined : delivered(answer, 0);
  }

  /** This many messages, removed, in order; fewer after some seconds without one. */
  async take(queue: string, count: number): Promise<DeliveredFrames[]> {
    const noAck = 0b10;
    await this.#consume(queue, noAck);
    await this.#until(() => this.#inbox.length >= count, 10_000).catch((error) => {
      if (!(error instanceof Late)) throw error;
    });
    await this.#cancel();
    return this.#inbox.splice(0);
  }

  /** All messages that are ready, removed, in order. */
  async drain(queue: string): Promise<DeliveredFrames[]> {
    return this.take(queue, await this.depth(queue));
  }

  /** What is in a queue, which stays there, in order; none for a queue that is not there. On a connection of its own. */
  static async look(url: string, queue: string): Promise<DeliveredFrames[]> {
    const amqp = await RawAmqp.connect(url);
    try {
      const count = await amqp.depth(queue);
      await amqp.#consume(queue, 0);
      await amqp.#until(() => amqp.#inbox.length >= count);
      const found = amqp.#inbox.splice(0);
      // Closed in good order: when the answer comes, all of it is back.
      await amqp.#request(CHANNEL, method(20, 40), uint(2, 200), short(''), uint(4, 0));
      return found;
    } catch (error) {
      if (error instanceof ClosedByBroker && error.code === 404) return [];
      throw error;
    } finally {
      await amqp.close();
    }
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.closed) return resolve();
      this.#socket.once('close', () => resolve());
      this.#socket.destroy();
    });
  }

  async #consume(queue: string, flags: number): Promise<void> {
    await this.#request(
      CHANNEL,
      method(BASIC, 20),
      uint(2, 0),
      short(queue),
      short('raw'),
      uint(1, flags),
      NO_TABLE,
    );
  }

  async #cancel(): Promise<void> {
    await this.#request(CHANNEL, method(BASIC, 30), short('raw'), uint(1, 0));
  }

  #request(channel: number, id: number, ...fields: Buffer[]): Promise<Method & Partial<FramedMessage>> {
    if (this.#failure) return Promise.reject(this.#failure);
    this.#send(channel, id, ...fields);
    return this.#answer();
  }

  #answer(expected?: number): Promise<Method & Partial<FramedMessage>> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({
        resolve: (answer) => {
          if (expected === undefined || answer.id === expected) resolve(answer);
          else reject(new Error(`Expected method ${expected.toString(16)}, got ${answer.id.toString(16)}`));
        },
        reject,
      });
    });
  }

  async #until(isReached: () => boolean, patienceMs?: number): Promise<void> {
    while (!isReached()) {
      if (this.#failure) throw this.#failure;
      await new Promise<void>((resolve, reject) => {
        const timer = patienceMs === undefined ? undefined : setTimeout(() => reject(new Late()), patienceMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  #send(channel: number, id: number, ...fields: Buffer[]): void {
    this.#write(METHOD, channel, uint(4, id), ...fields);
  }

  #write(type: number, channel: number, ...payload: Buffer[]): void {
    const length = payload.reduce((sum, { length }) => sum + length, 0);
    this.#socket.write(
      Buffer.concat([uint(1, type), uint(2, channel), uint(4, length), ...payload, uint(1, FRAME_END)]),
    );
  }

  #read(bytes: Buffer): void {
    this.#unread = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes]);
    let at = 0;
    while (this.#unread.length - at >= 7) {
      const length = this.#unread.readUInt32BE(at + 3);
      if (this.#unread.length - at < length + FRAME_OVERHEAD) break;
      const type = this.#unread.readUInt8(at);
      // A copy, as a test keeps it.
      this.#onFrame(type, Buffer.from(this.#unread.subarray(at + 7, at + 7 + length)));
      at += length + FRAME_OVERHEAD;
    }
    this.#unread = this.#unread.subarray(at);
    this.#wake();
  }

  #onFrame(type: number, payload: Buffer): void {
    if (type === METHOD) this.#onMethod({ id: payload.readUInt32BE(0), fields: payload.subarray(4) });
    else if (type === HEADER && this.#content) {
      this.#content.size = Number(payload.readBigUInt64BE(4));
      this.#content.list = payload.subarray(12);
      this.#endContentIfWhole();
    } else if (type === BODY && this.#content) {
      this.#content.chunks.push(payload);
      this.#content.length += payload.length;
      this.#endContentIfWhole();
    }
  }

  #onMethod(received: Method): void {
    const { id, fields } = received;
    if (id === CONNECTION_CLOSE || id === CHANNEL_CLOSE) {
      const code = fields.readUInt16BE(0);
      this.#fail(new ClosedByBroker(code, fields.subarray(3, 3 + fields.readUInt8(2)).toString()));
      this.#socket.destroy();
    } else if (id === RETURN || id === DELIVER || id === GET_OK) {
      this.#content = { method: received, list: Buffer.alloc(0), size: -1, chunks: [], length: 0 };
    } else if (id === ACK || id === NACK) {
      this.#onConfirm(Number(fields.readBigUInt64BE(0)), (fields.readUInt8(8) & 1) === 1, id === NACK);
    } else {
      this.#waiters.shift()?.resolve(received);
    }
  }

  #onConfirm(number: number, isMultiple: boolean, isRefusal: boolean): void {
    const settled = isMultiple ? [...this.#unconfirmed].filter((each) => each <= number) : [number];
    for (const each of settled) this.#unconfirmed.delete(each);
    if (isRefusal) this.nacked += settled.length;
  }

  #endContentIfWhole(): void {
    const content = this.#content;
    if (content === undefined || content.length < content.size) return;
    this.#content = undefined;
    const { method: received, list, chunks } = content;
    const message = { ...received, list, body: Buffer.concat(chunks) };
    if (received.id === RETURN) this.returned++;
    else if (received.id === GET_OK) this.#waiters.shift()?.resolve(message);
    else this.#inbox.push(delivered(message, 1 + message.fields.readUInt8(0)));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiters.splice(0)) reject(this.#failure);
    this.#wake();
  }
}

class Late extends Error {}

/** @param at where the delivery tag is, which the flag stands behind */
function delivered(answer: Method & Partial<FramedMessage>, at: number): DeliveredFrames {
  return {
    list: answer.list as Buffer,
    body: answer.body as Buffer,
    redelivered: answer.fields.readUInt8(at + 8) === 1,
  };
}
