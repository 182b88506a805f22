import { connect as connectTcp, type NetConnectOpts, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { ErrorCode } from '../../errors/task-queue-error.ts';
import type { BrokerAddress } from '../../options/broker-url.ts';
import type { ResolvedOptions } from '../../options/task-queue-options.ts';
import { AmqpFailure } from '../errors/amqp-failure.ts';
import { socketOptions } from './dial-options.ts';

/*
 * Why a broker does not open a vhost. It says so in the frame connection.close, of which amqplib passes on no more than that
 * it came; but whether the vhost is missing, forbidden, or full of connections are different things. So the
 * handshake is done once more, as far as that frame: https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf, 2.2.4.
 */

/** connection.start, .tune, .open-ok and .close: class 10. */
const START = 10;
const TUNE = 30;
const OPEN_OK = 41;
const CLOSE = 50;

const METHOD_FRAME = 1;
const FRAME_END = 0xce;
/** The broker's own limit for frames before tune. */
const MAX_FRAME_BYTES = 131_072;

/** amqplib, lib/connection.js, expect(ConnectionOpenOk). */
export function isOpeningRefused(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('Expected ConnectionOpenOk');
}

/**
 * @param signal ends the attempt
 * @returns an error with the reply code, as amqplib has them for a connection that was open; or an AmqpFailure when the broker
 * now opens it; undefined when it says nothing that could be understood. Never rejects.
 */
export async function findOpeningRefusal(
  address: BrokerAddress,
  options: ResolvedOptions,
  connectionName: string,
  signal: AbortSignal,
): Promise<Error | undefined> {
  try {
    const {
      credentials,
      clientProperties: _,
      ...sockets
    } = (await socketOptions(address, options, connectionName, signal)) as NetConnectOpts & {
      credentials?: unknown;
      clientProperties?: unknown;
    };
    const target = { ...sockets, host: address.host, port: address.port };
    const isTls = address.protocol === 'amqps';
    const socket = isTls ? connectTls(target) : connectTcp(target);
    try {
      return await handshake(socket, address, credentials !== undefined);
    } finally {
      socket.destroy();
    }
  } catch {
    return undefined;
  }
}

async function handshake(
  socket: Socket,
  { username = 'guest', password = username === 'guest' ? 'guest' : '', vhost }: BrokerAddress,
  isExternal: boolean,
): Promise<Error | undefined> {
  socket.write('AMQP\0\0\x09\x01', 'latin1');
  for await (const { method, content } of methodsFrom(socket)) {
    if (method === START) {
      const [mechanism, response] = isExternal ? ['EXTERNAL', ''] : ['PLAIN', `\0${username}\0${password}`];
      send(socket, 11, [longString(''), shortString(mechanism), longString(response), shortString('en_US')]);
    } else if (method === TUNE) {
      send(socket, 31, [content]);
      send(socket, 40, [shortString(vhost), shortString(''), Buffer.of(0)]);
    } else if (method === CLOSE) {
      const length = content.readUInt8(2);
      const text = content.subarray(3, 3 + length).toString();
      const code = content.readUInt16BE(0);
      return Object.assign(new Error(`Connection refused: ${code} with message "${text}"`), { code });
    } else if (method === OPEN_OK) return overError();
  }
  return undefined;
}

/** The methods of class 10 that arrive. */
async function* methodsFrom(socket: Socket): AsyncGenerator<{ method: number; content: Buffer }> {
  let rest = Buffer.alloc(0);
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 7) {
      const size = rest.readUInt32BE(3);
      if (rest[0] !== METHOD_FRAME || size > MAX_FRAME_BYTES) return;
      if (rest.length < size + 8) break;
      const payload = rest.subarray(7, 7 + size);
      yield { method: payload.readUInt16BE(2), content: payload.subarray(4) };
      rest = rest.subarray(size + 8);
    }
  }
}

function send(socket: Socket, method: number, fields: readonly Buffer[]): void {
  const payload = Buffer.concat([Buffer.of(0, 10, 0, method), ...fields]);
  const head = Buffer.alloc(7);
  head.writeUInt8(METHOD_FRAME, 0);
  head.writeUInt32BE(payload.length, 3);
  socket.write(Buffer.concat([head, payload, Buffer.of(FRAME_END)]));
}

function shortString(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}

/** A table without entries is the same bytes as an empty string. */
function longString(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Others have closed connections, or an operator has changed something. */
function overError(): AmqpFailure {
  return new AmqpFailure(
    ErrorCode.connectionFailed,
    'the broker refused to open the vhost, and a moment later would have opened it',
    { hint: 'Perhaps a limit of connections was reached for that moment.' },
  );
}
