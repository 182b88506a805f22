import { isUtf8 } from 'node:buffer';
import {
  ASKED_BY_HEADER,
  exactJsonText,
  JsonBeginning,
  parseAbridged,
  parseTimestamp,
  timestampToMs,
} from '../../cli-shared.ts';
import type { RawMessage } from '../../index.ts';
import { formatCount } from './sizes.ts';

/** The type of a body that is not a queued MCP message. */
export const UNKNOWN_TYPE = '?';

/** What can be recognised in a stored message, whose body may be anything. */
export interface MessageSummary {
  /** `request`, `notification`, …; `?` if the body does not say. */
  type: string;
  /** Id of the JSON-RPC message. */
  method: string | undefined;
  id: string | undefined;
  /** Host and process of the replica that asks. The id is then an address, which means little to a reader. */
  askedBy: string | undefined;
  /** When it was queued, in milliseconds since the epoch. */
  queuedAt: number | undefined;
  size: number;
  /** Its content in one line. Not yet safe for a terminal. */
  detail: string;
}

/** More than a terminal has room for. */
const LONGEST_TEXT = 16 * 1024;

type Json = { [key: string]: unknown };

/** @param longest bytes after which texts of the body are cut; infinity for all of them */
export function summarize({ body, properties }: RawMessage, longest = LONGEST_TEXT): MessageSummary {
  const envelope = asObject(isUtf8(body) ? parse(body, longest) : undefined);
  const rpc = asObject(envelope.message);
  const { timestamp } = envelope;
  const asker = properties.headers?.[ASKED_BY_HEADER];
  return {
    type: typeof envelope.type === 'string' ? envelope.type : UNKNOWN_TYPE,
    method: typeof rpc.method === 'string' ? rpc.method : undefined,
    id: rpc.id === undefined || rpc.id === null ? undefined : shown(rpc.id),
    askedBy: typeof asker === 'string' ? asker : undefined,
    queuedAt:
      (typeof timestamp === 'string' ? parseTimestamp(timestamp) : undefined) ??
      timestampToMs(properties.timestamp),
    size: body.length,
    detail: typeof envelope.type === 'string' ? detailOf(rpc) : describeBytes(body, longest),
  };
}

function describeBytes(body: RawMessage['body'], longest: number): string {
  if (body.length === 0) return '(empty)';
  if (isUtf8(body)) return body.subarray(0, longest).toString();
  return `${formatCount(body.length, 'byte')}, not text: ${body.subarray(0, 40).toString('hex')}`;
}

/** The most informative part of the messages that MCP servers queue. */
function detailOf(rpc: Json): string {
  if (rpc.error !== undefined) {
    const { code, message } = asObject(rpc.error);
    return joined(' ', code, message);
  }
  if (rpc.result !== undefined) return shown(rpc.result);
  const params = asObject(rpc.params);
  switch (rpc.method) {
    case 'elicitation/create':
      return shown(params.message ?? '');
    case 'sampling/createMessage': {
      const { messages } = params;
      const { content } = Array.isArray(messages) ? asObject(messages.at(-1)) : { content: messages };
      const { text } = asObject(Array.isArray(content) ? content[0] : content);
      return shown(text ?? content ?? '');
    }
    case 'notifications/progress': {
      const { progress, total, message } = params;
      return joined(' ', joined('/', progress, total), message || undefined);
    }
    case 'notifications/message':
      return joined(': ', params.level, params.data);
    default:
      return rpc.params === undefined || rpc.params === null ? '' : shown(rpc.params);
  }
}

/** Without what the message does not have. */
function joined(separator: string, ...values: unknown[]): string {
  const texts = values.filter((value) => value !== undefined).map(shown);
  return texts.filter((text) => text !== '').join(separator);
}

/** A JSON value as text: a field meant as a string may hold anything, such as deep nesting or `{"toString": null}`. */
function shown(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof JsonBeginning) return value.text;
  try {
    return exactJsonText(value);
  } catch {
    return '…';
  }
}

function parse(body: Buffer, longest: number): unknown {
  try {
    return parseAbridged(body, longest);
  } catch {
    return undefined;
  }
}

/** Without members if it is not one. */
export function asObject(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}
