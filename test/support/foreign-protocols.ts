import { short, uint } from './amqp-bytes.ts';
import { converse } from './converse.ts';

/** A message by STOMP to a queue, which has to be there. */
export async function publishByStomp(
  port: number,
  queue: string,
  headers: { [name: string]: string },
  body: Buffer,
): Promise<void> {
  const frame = (command: string, fields: { [name: string]: string }, content: Buffer = Buffer.alloc(0)) => {
    const lines = Object.entries(fields).map(([name, value]) => `${name}:${value}\n`);
    return Buffer.concat([Buffer.from(`${command}\n${lines.join('')}\n`), content, Buffer.from('\0')]);
  };
  const login = { 'accept-version': '1.0', host: '/', login: 'guest', passcode: 'guest' };
  const send = {
    destination: `/amq/queue/${queue}`,
    'content-length': String(body.length),
    receipt: 'sent',
    ...headers,
  };
  await converse(port, [
    { send: frame('CONNECT', login), isAnswered: (received) => received.includes('CONNECTED\n') },
    { send: frame('SEND', send, body), isAnswered: (received) => received.includes('RECEIPT\n') },
  ]);
}

/** A message by MQTT 3.1.1, with quality of service 1, to a topic. */
export async function publishByMqtt(port: number, topic: string, body: Buffer): Promise<void> {
  const text = (value: string) => Buffer.concat([uint(2, Buffer.byteLength(value)), Buffer.from(value)]);
  const packet = (first: number, ...parts: Buffer[]) => {
    const content = Buffer.concat(parts);
    // All that is sent here is shorter than 16 KB: two bytes of seven bits each.
    const length = Buffer.from([(content.length % 128) | 0x80, Math.floor(content.length / 128)]);
    return Buffer.concat([uint(1, first), length, content]);
  };
  const [level, flags, keepAlive] = [uint(1, 4), uint(1, 0b1100_0010), uint(2, 60)];
  const login = [text('mcp-taskq-test'), text('guest'), text('guest')];
  const [CONNACK, PUBACK, ATLEAST_ONCE] = [0x20, 0x40, 0b0011_0010];
  await converse(port, [
    {
      send: packet(0x10, text('MQTT'), level, flags, keepAlive, ...login),
      isAnswered: (received) => received[0] === CONNACK && received[3] === 0,
    },
    {
      send: packet(ATLEAST_ONCE, text(topic), uint(2, 1), body),
      isAnswered: (received) => received[0] === PUBACK,
    },
  ]);
}

/** The arguments of a queue that passes on what it drops, and drops everything after so many milliseconds. */
export function deadLetterArguments(to: string, afterMs: number): Buffer {
  const entry = (name: string, type: string, value: Buffer) =>
    Buffer.concat([short(name), Buffer.from(type), value]);
  const longText = (value: string) => Buffer.concat([uint(4, Buffer.byteLength(value)), Buffer.from(value)]);
  const entries = Buffer.concat([
    entry('x-dead-letter-exchange', 'S', longText('')),
    entry('x-dead-letter-routing-key', 'S', longText(to)),
    entry('x-message-ttl', 'I', uint(4, afterMs)),
  ]);
  return Buffer.concat([uint(4, entries.length), entries]);
}
