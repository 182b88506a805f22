import { randomUUID } from 'node:crypto';
import { type Entry, FLAGS, type PropertyParts, propertyList, table } from './amqp-bytes.ts';
import type { FramedMessage, RawAmqp } from './raw-amqp.ts';

/** The names that headers have after a replay which the broker would act on under their own. */
const RENAMED = new Map([
  ['CC', 'x-mcp-taskq-cc'],
  ['BCC', 'x-mcp-taskq-bcc'],
]);

/** Headers that the broker writes itself. */
const COUNTERS = ['x-delivery-count', 'x-acquired-count'];

/** For {@link expectedReplay}. */
export interface ReplayContext {
  /** Who publishes. */
  userId: string;
  keepExpiration: boolean;
}

/**
 * What has to become of a property list that is sent again, worked out apart from the package's own code: all bytes as
 * they are, but for what would make the broker act a second time.
 */
export function expectedReplay(list: Buffer, { userId, keepExpiration }: ReplayContext): Buffer {
  const parts = partsOf(list);
  if (parts.user_id && parts.user_id.subarray(1).toString() !== userId) parts.user_id = undefined;
  if (!keepExpiration) parts.expiration = undefined;
  if (parts.headers) {
    const kept = entriesOf(parts.headers).filter(([name]) => !COUNTERS.includes(name.toString('latin1')));
    parts.headers = table(
      ...kept.map(([name, value]): Entry => [RENAMED.get(name.toString('latin1')) ?? name, value]),
    );
  }
  return propertyList(parts);
}

/**
 * The same messages as the broker delivers them. RabbitMQ 4 puts headers that begin with x- behind the others, and an older one
 * takes a header BCC away; whatever it does, it does in a queue of its own.
 */
export async function asDelivered(
  amqp: RawAmqp,
  messages: readonly FramedMessage[],
): Promise<FramedMessage[]> {
  const queue = `reference-${randomUUID()}`;
  await amqp.declare(queue);
  for (const message of messages) amqp.publish(queue, message);
  await amqp.confirmed();
  const delivered = await amqp.drain(queue);
  await amqp.delete(queue);
  if (delivered.length !== messages.length) {
    throw new Error(`The broker delivered ${delivered.length} of ${messages.length} messages`);
  }
  return delivered;
}

/** The bytes of each value of a property list. */
export function partsOf(list: Buffer): PropertyParts {
  const flags = list.readUInt16BE(0);
  const parts: PropertyParts = {};
  let at = 2;
  for (const name of Object.keys(FLAGS) as (keyof typeof FLAGS)[]) {
    if ((flags & FLAGS[name]) === 0) continue;
    const length = propertyLength(name, list, at);
    parts[name] = list.subarray(at, at + length);
    at += length;
  }
  if (at !== list.length) throw new Error(`The list has ${list.length - at} bytes more than its flags say`);
  return parts;
}

function propertyLength(name: keyof typeof FLAGS, list: Buffer, at: number): number {
  if (name === 'headers') return 4 + list.readUInt32BE(at);
  if (name === 'delivery_mode' || name === 'priority') return 1;
  return name === 'timestamp' ? 8 : 1 + list.readUInt8(at);
}

/** The entries of a table that stands with its length before it. */
function entriesOf(bytes: Buffer): [name: Buffer, value: Buffer][] {
  const entries: [Buffer, Buffer][] = [];
  for (let at = 4; at < bytes.length; ) {
    const valueAt = at + 1 + bytes.readUInt8(at);
    const end = valueAt + 1 + valueLength(bytes, valueAt);
    entries.push([bytes.subarray(at + 1, valueAt), bytes.subarray(valueAt, end)]);
    at = end;
  }
  return entries;
}

const LENGTHS: { [type: string]: number } = {
  ...{ V: 0, t: 1, b: 1, B: 1, s: 2, u: 2, I: 4, i: 4, f: 4, D: 5, l: 8, L: 8, d: 8, T: 8 },
};

function valueLength(bytes: Buffer, at: number): number {
  const type = String.fromCharCode(bytes.readUInt8(at));
  return LENGTHS[type] ?? 4 + bytes.readUInt32BE(at + 1);
}
