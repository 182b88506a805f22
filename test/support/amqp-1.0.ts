import { uint } from './amqp-bytes.ts';
import { converse } from './converse.ts';

/*
 * As much of AMQP 1.0 as publishes a message: values are bytes with their type in front, and the sections of a message and
 * the frames are values that are described by a number.
 */

const octets = (...values: number[]) => Buffer.from(values);
const sized = (code: number, content: Buffer) =>
  Buffer.concat([octets(code), uint(4, content.length), content]);

export const NULL = octets(0x40);
export const TRUE = octets(0x41);
const FALSE = octets(0x42);
export const text = (value: string) => sized(0xb1, Buffer.from(value));
export const symbol = (value: string) => sized(0xb3, Buffer.from(value));
export const binary = (value: Buffer) => sized(0xb0, value);
export const ubyte = (value: number) => octets(0x50, value);
export const uint32 = (value: number) => Buffer.concat([octets(0x70), uint(4, value)]);
export const ulong = (value: bigint) => Buffer.concat([octets(0x80), uint(8, value)]);
export const timestamp = (ms: bigint) => Buffer.concat([octets(0x83), uint(8, ms)]);
export const double = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return Buffer.concat([octets(0x82), bytes]);
};
export const uuid = (value: string) =>
  Buffer.concat([octets(0x98), Buffer.from(value.replaceAll('-', ''), 'hex')]);
const list = (...items: Buffer[]) => sized(0xd0, Buffer.concat([uint(4, items.length), ...items]));
export const map = (...pairs: [key: Buffer, value: Buffer][]) =>
  sized(0xd1, Buffer.concat([uint(4, 2 * pairs.length), ...pairs.flat()]));
const described = (code: number, value: Buffer) => Buffer.concat([octets(0, 0x53, code), value]);

export const header = (...fields: Buffer[]) => described(0x70, list(...fields));
export const messageAnnotations = (...pairs: [Buffer, Buffer][]) => described(0x72, map(...pairs));
export const properties = (...fields: Buffer[]) => described(0x73, list(...fields));
export const applicationProperties = (...pairs: [Buffer, Buffer][]) => described(0x74, map(...pairs));
export const data = (bytes: string | Buffer) => described(0x75, binary(Buffer.from(bytes)));
export const sequence = (...items: Buffer[]) => described(0x76, list(...items));
export const value = (content: Buffer) => described(0x77, content);

const [AMQP, SASL] = [0, 1];
const protocol = (type: number) => octets(...Buffer.from('AMQP'), type === SASL ? 3 : 0, 1, 0, 0);
const frame = (type: number, content: Buffer, payload: Buffer = Buffer.alloc(0)) =>
  Buffer.concat([uint(4, 8 + content.length + payload.length), octets(2, type, 0, 0), content, payload]);

/** A message, which is its sections one after the other, to a target such as `/queues/name`. */
export async function publishByAmqp10(port: number, target: string, sections: Buffer[]): Promise<void> {
  const login = list(symbol('PLAIN'), binary(Buffer.from('\0guest\0guest')));
  const window = uint32(1_000);
  const [source, destination] = [described(0x28, list(text('here'))), described(0x29, list(text(target)))];
  const sender = [text('sender'), uint32(0), FALSE, ubyte(0), ubyte(0), source, destination];
  const transfer = list(uint32(0), uint32(0), binary(octets(0)), uint32(0), FALSE, FALSE);
  const [OUTCOME, FLOW, ACCEPTED] = [octets(0, 0x53, 0x44), octets(0, 0x53, 0x13), octets(0, 0x53, 0x24)];
  await converse(port, [
    {
      send: Buffer.concat([protocol(SASL), frame(SASL, described(0x41, login))]),
      isAnswered: (received) => received.includes(OUTCOME),
    },
    {
      send: Buffer.concat([
        protocol(AMQP),
        frame(AMQP, described(0x10, list(text('mcp-taskq-test')))),
        frame(AMQP, described(0x11, list(NULL, uint32(0), window, window))),
        frame(AMQP, described(0x12, list(...sender, NULL, NULL, uint32(0)))),
      ]),
      isAnswered: (received) => received.includes(FLOW),
    },
    {
      send: frame(AMQP, described(0x14, transfer), Buffer.concat(sections)),
      isAnswered: (received) => received.includes(ACCEPTED),
    },
  ]);
}
