import { isUtf8 } from 'node:buffer';
import { isDeepStrictEqual } from 'node:util';
import { ErrorCode, isTaskQueueError, TaskQueueError } from '../errors/task-queue-error.ts';
import { type JsonProperties, propertiesFromJson, propertiesToJson } from '../properties/property-json.ts';
import { readPropertyList } from '../properties/property-list.ts';
import { bytesFromBase64, isWellFormed } from '../properties/typed-values.ts';
import { memberSpans } from './json-members.ts';
import type { OutgoingMessage, StoredMessage } from './stored-message.ts';

/** A message read back from a record. Without properties where the record has none: it gets new ones then. */
export interface MessageRecord extends OutgoingMessage {
  /** Of the task it was read from, where the record says so. */
  taskId: string | undefined;
}

type JsonObject = { [name: string]: unknown };

/**
 * A message as one line of JSON, without the line feed:
 *
 *     {"task_id": …, "redelivered": …, "properties": {…}, "body": <the body, verbatim>}
 *
 * A body that is not one line of JSON in valid UTF-8 travels as `body_base64` instead. Properties have their
 * AMQP names; where they do not say all that AMQP did, `properties_base64` has the bytes. {@link parseRecord} gives the
 * same bytes and properties back.
 *
 * @param message
 */
export function encodeRecord(message: StoredMessage): string {
  return [...recordParts(message)].join('');
}

/**
 * {@link encodeRecord} in parts, so that a large body needs no string of its own: text, and bytes of a body that is text
 * in UTF-8.
 * @param message
 */
export function* recordParts({
  taskId,
  redelivered,
  properties,
  propertyList,
  body,
}: StoredMessage): Generator<string | Buffer> {
  const metadata = JSON.stringify({
    task_id: taskId,
    redelivered,
    properties: propertiesToJson(properties),
    properties_base64: propertyList?.toString('base64'),
  }).slice(0, -1);
  const text = jsonLine(body);
  if (text !== undefined && body.length <= SMALL_BYTES) {
    yield `${metadata},"body":${text}}`;
    return;
  }
  if (text !== undefined) {
    yield `${metadata},"body":`;
    yield body;
    yield '}';
    return;
  }
  yield `${metadata},"body_base64":"`;
  for (let at = 0; at < body.length; at += BASE64_BYTES)
    yield body.subarray(at, at + BASE64_BYTES).toString('base64');
  yield '"}';
}

/** Up to this size a copy costs less than another part. */
const SMALL_BYTES = 16 * 1024;

/** A multiple of 3, so that base64 needs no padding in between. */
const BASE64_BYTES = 3 * 64 * 1024;

/**
 * Reads what {@link encodeRecord} wrote, also after jq or the like has filtered or reordered it. The body is
 * the text that stands in the line, not one made anew from its values. Other members are ignored.
 * @throws TaskQueueError `INVALID_MESSAGE` naming what is wrong
 */
export function parseRecord(line: string): MessageRecord {
  if (!isWellFormed(line)) throw invalid('it has a lone surrogate, which UTF-8 cannot carry');
  const value = parseObject(line);
  if (!isRecord(value)) {
    throw invalid(hasBody(value) ? 'it is a message itself' : 'it has neither "body" nor "body_base64"');
  }
  return readRecord(value, line);
}

/** What only records have beside a body. */
const METADATA = ['task_id', 'redelivered', 'properties', 'properties_base64'];

/**
 * Whether an object is a record: it has a body, and is neither a queued message (`message` is an object) nor JSON-RPC
 * (`jsonrpc`), which may have a member `body` of their own.
 * @throws TaskQueueError `INVALID_MESSAGE` where it has the form of both
 */
export function isRecord(value: JsonObject): boolean {
  if (!hasBody(value)) return false;
  const other = Object.hasOwn(value, 'jsonrpc') ? 'jsonrpc' : isObject(value.message) ? 'message' : undefined;
  if (other === undefined) return true;
  const metadata = METADATA.find((name) => Object.hasOwn(value, name));
  if (metadata === undefined && (other === 'jsonrpc' || Object.hasOwn(value, 'type'))) return false;
  const body = Object.hasOwn(value, 'body') ? 'body' : 'body_base64';
  throw new TaskQueueError(
    ErrorCode.invalidMessage,
    `This may be a record, by "${body}"${metadata ? ` and "${metadata}"` : ''}, or a message itself, by "${other}"`,
    { hint: `Remove one of them: jq -c 'del(.${other})' leaves a record, 'del(.${body})' a message.` },
  );
}

/**
 * @param value what {@link isRecord} holds for
 * @param line its text
 * @param bytes its text in UTF-8, if that is at hand: the body may be a part of it
 */
export function readRecord(value: JsonObject, line: string, bytes?: Buffer): MessageRecord {
  const taskId = value.task_id ?? undefined;
  if (taskId !== undefined && typeof taskId !== 'string') throw invalid('"task_id" is not a string');
  return { taskId, ...readProperties(value), body: readBody(value, line, bytes) };
}

function hasBody(value: JsonObject): boolean {
  return Object.hasOwn(value, 'body') || Object.hasOwn(value, 'body_base64');
}

function readBody(value: JsonObject, line: string, bytes: Buffer | undefined): Buffer {
  const { body_base64: base64 } = value;
  const isText = Object.hasOwn(value, 'body');
  // null is what jq makes of a member that is not there.
  if (isText && (base64 === undefined || base64 === null)) {
    const [start, end] = memberSpans(line).get('body') as [number, number];
    // Not copied where each character is a byte.
    return bytes?.length === line.length ? bytes.subarray(start, end) : Buffer.from(line.slice(start, end));
  }
  if (isText) throw invalid('it has both "body" and "body_base64"');
  const decoded = bytesFromBase64(base64);
  // Buffer skips what is not base64; a damaged body must not be sent.
  if (decoded === undefined) throw invalid('"body_base64" is not base64');
  return decoded;
}

function readProperties(value: JsonObject): Pick<OutgoingMessage, 'properties' | 'propertyList'> {
  const { properties_base64: base64 } = value;
  const json = value.properties ?? undefined;
  if (json !== undefined && !isObject(json)) throw invalid('"properties" is not an object');
  if (base64 === undefined || base64 === null)
    return json === undefined ? {} : { properties: fromJson(json) };
  const bytes = bytesFromBase64(base64);
  if (bytes === undefined) throw invalid('"properties_base64" is not base64');
  const read = readPropertyList(bytes);
  // Of two that say different things, neither may be dropped without a word.
  if (json !== undefined && !isDeepStrictEqual(json, asJson(propertiesToJson(read.properties)))) {
    throw invalid(
      '"properties" were edited, and "properties_base64" still has what they were; remove it to send "properties"',
    );
  }
  return read;
}

function fromJson(json: JsonProperties) {
  try {
    return propertiesFromJson(json);
  } catch (error) {
    throw isTaskQueueError(error) ? invalid(error.message, error) : error;
  }
}

function asJson(value: object): unknown {
  return JSON.parse(JSON.stringify(value));
}

/** A body that can stand inside a line as it is, and be taken out of it again. */
function jsonLine(body: Buffer): string | undefined {
  // A line break inside would end the line; white space around it would be lost.
  if (body.includes(LINE_FEED) || body.includes(CARRIAGE_RETURN) || !isUtf8(body)) return undefined;
  const text = body.toString();
  if (text !== text.trim()) return undefined;
  try {
    JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

function parseObject(line: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw invalid('it is not JSON', cause);
  }
  if (!isObject(value)) throw invalid('it is not a JSON object');
  return value;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(reason: string, cause?: unknown): TaskQueueError {
  return new TaskQueueError(ErrorCode.invalidMessage, `This is not a record of a message: ${reason}`, {
    cause,
  });
}
