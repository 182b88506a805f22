import { isUtf8 } from 'node:buffer';
import { isDeepStrictEqual } from 'node:util';
import { kindOf } from '../errors/task-name.ts';
import { ErrorCode, isTaskQueueError, TaskQueueError } from '../errors/task-queue-error.ts';
import { type JsonProperties, propertiesFromJson, propertiesToJson } from '../properties/property-json.ts';
import { PROPERTY_NAMES, readPropertyList } from '../properties/property-list.ts';
import { bytesFromBase64 } from '../properties/typed-values.ts';
import { isJson, JsonObjectText } from './json-bytes.ts';
import type { OutgoingMessage, StoredMessage } from './stored-message.ts';

/**
 * A message read from a record. If the record has no properties, neither has the message, and it gets new ones when
 * published.
 */
export interface MessageRecord extends OutgoingMessage {
  /** The task it was read from, if the record says so. */
  taskId: string | undefined;
}

/**
 * A message as one line of JSON, without the line feed:
 *
 *     {"task_id": …, "redelivered": …, "properties": {…}, "body": <the body, verbatim>}
 *
 * A body that is not one line of JSON in valid UTF-8 is written as `body_base64` instead. Properties keep their AMQP
 * names; where JSON cannot express all of them, `properties_base64` has the bytes. {@link parseRecord} gives the
 * same bytes and properties back.
 */
export function encodeRecord(message: StoredMessage): string {
  return [...recordParts(message)].join('');
}

/** {@link encodeRecord} in parts, strings and bytes, so that a large body is never copied into a string. */
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
  if (isLineOfJson(body)) {
    yield `${metadata},"body":`;
    yield body;
    yield '}';
    return;
  }
  yield `${metadata},"body_base64":"`;
  for (let at = 0; at < body.length; at += BASE64_BYTES)
    yield Buffer.from(body.toString('base64', at, at + BASE64_BYTES), 'latin1');
  yield '"}';
}

/** A multiple of 3, so that base64 needs no padding in between; small, as V8 frees large strings late. */
const BASE64_BYTES = 3 * 16 * 1024;
/** Their length in base64. */
const BASE64_CHARACTERS = (BASE64_BYTES / 3) * 4;

/**
 * Reads what {@link encodeRecord} wrote, also after jq or the like has filtered or reordered it. The body is the text
 * of the line, not a re-encoding of its values. Other members are ignored, unless they seem to be properties in the wrong
 * place.
 * @throws TaskQueueError `INVALID_MESSAGE` naming what is wrong
 */
export function parseRecord(line: string): MessageRecord {
  if (typeof line !== 'string') throw invalid(`it is ${kindOf(line)}, not a string`);
  if (!line.isWellFormed()) throw invalid('it has a lone surrogate, which UTF-8 cannot carry');
  const bytes = Buffer.from(line);
  const object = JsonObjectText.read(bytes);
  if (object === undefined) throw invalid(isJson(bytes) ? 'it is not a JSON object' : 'it is not JSON');
  if (!isRecord(object)) {
    throw invalid(hasBody(object) ? 'it is a message itself' : 'it has neither "body" nor "body_base64"');
  }
  return readRecord(object);
}

/** Members that only records have. */
const METADATA = ['task_id', 'redelivered', 'properties', 'properties_base64'];

/**
 * Whether an object is a record: it has a body, and is neither a queued message (`message` is an object) nor JSON-RPC
 * (`jsonrpc`), which may have a member `body` of their own.
 * @throws TaskQueueError `INVALID_MESSAGE` where it has the form of both
 */
export function isRecord(object: JsonObjectText): boolean {
  if (!hasBody(object)) return false;
  const other = object.has('jsonrpc')
    ? 'jsonrpc'
    : isObjectText(object.text('message'))
      ? 'message'
      : undefined;
  if (other === undefined) return true;
  const metadata = METADATA.find((name) => object.has(name));
  if (metadata === undefined && (other === 'jsonrpc' || object.has('type'))) return false;
  const body = object.has('body') ? 'body' : 'body_base64';
  throw new TaskQueueError(
    ErrorCode.invalidMessage,
    `This may be a record, by "${body}"${metadata ? ` and "${metadata}"` : ''}, or a message itself, by "${other}"`,
    { hint: `Remove one of them: jq -c 'del(.${other})' leaves a record, 'del(.${body})' a message.` },
  );
}

/** @param object what {@link isRecord} holds for; the body may be a part of its text */
export function readRecord(object: JsonObjectText): MessageRecord {
  const taskId = object.value('task_id') ?? undefined;
  if (taskId !== undefined && typeof taskId !== 'string') throw invalid('"task_id" is not a string');
  return { taskId, ...readProperties(object), body: readBody(object) };
}

function hasBody(object: JsonObjectText): boolean {
  return object.has('body') || object.has('body_base64');
}

function readBody(object: JsonObjectText): Buffer {
  const [body, base64] = [object.text('body'), object.text('body_base64')];
  // jq writes null for a missing member.
  if (body !== undefined && (base64 === undefined || base64.toString('latin1', 0, 5) === 'null')) return body;
  if (body !== undefined) throw invalid('it has both "body" and "body_base64"');
  const decoded = base64 && bytesOfBase64Text(base64);
  // A damaged body must not be sent.
  if (decoded === undefined) throw invalid('"body_base64" is not base64');
  return decoded;
}

/**
 * {@link bytesFromBase64} for a JSON string, part by part: otherwise a large body would be in memory four times.
 * @param text with its quotes
 */
function bytesOfBase64Text(text: Buffer): Buffer | undefined {
  // A string with escapes (some writers escape "/") has to be parsed as a whole.
  if (text[0] !== QUOTE || text.includes(BACKSLASH)) return bytesFromBase64(JSON.parse(text.toString()));
  const characters = text.subarray(1, -1);
  const bytes = Buffer.allocUnsafe(Math.ceil(characters.length / 4) * 3);
  let length = 0;
  for (let at = 0; at < characters.length; at += BASE64_CHARACTERS) {
    const part = bytesFromBase64(characters.toString('latin1', at, at + BASE64_CHARACTERS));
    // Padding ends base64.
    if (part === undefined || (part.length < BASE64_BYTES && at + BASE64_CHARACTERS < characters.length))
      return undefined;
    length += part.copy(bytes, length);
  }
  return bytes.subarray(0, length);
}

function readProperties(object: JsonObjectText): Pick<OutgoingMessage, 'properties' | 'propertyList'> {
  const base64 = object.value('properties_base64');
  const json = object.value('properties') ?? undefined;
  if (json !== undefined && !isObject(json)) throw invalid('"properties" is not an object');
  if (base64 === undefined || base64 === null) {
    if (json !== undefined) return { properties: fromJson(json) };
    throwIfMisplaced(object);
    return {};
  }
  const bytes = bytesFromBase64(base64);
  if (bytes === undefined) throw invalid('"properties_base64" is not base64');
  const read = readPropertyList(bytes);
  // If the two disagree, neither may be dropped silently.
  if (json !== undefined && !isDeepStrictEqual(json, asJson(propertiesToJson(read.properties)))) {
    throw invalid(
      '"properties" was edited, but "properties_base64" still holds the original; remove "properties_base64" to send the edit',
    );
  }
  return read;
}

/** Names of properties that anything may have. */
const COMMON_NAMES = ['type', 'timestamp', 'priority'];

/** If a record has no properties, those in the wrong place would be lost without a word. */
function throwIfMisplaced(object: JsonObjectText): void {
  // Values last: that of the body may be large.
  const find = (isMeant: (name: string) => boolean) =>
    object.names.find((name) => !METADATA.includes(name) && isMeant(name) && object.value(name) !== null);
  const misspelt = find((name) => /^prop/i.test(name));
  if (misspelt !== undefined) throw invalid(`it has ${JSON.stringify(misspelt)} instead of "properties"`);
  const name = find((each) => PROPERTY_NAMES.has(each) && !COMMON_NAMES.includes(each));
  if (name === undefined) return;
  throw new TaskQueueError(
    ErrorCode.invalidMessage,
    `This is not a record of a message: it has "${name}" beside "properties", not in it`,
    { hint: `To move it there: jq -c '.properties.${name} = .${name}'; to drop it: jq -c 'del(.${name})'.` },
  );
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

/** Whether a body can be embedded in a line verbatim, and read back unchanged. */
function isLineOfJson(body: Buffer): boolean {
  // A line break would end the line; surrounding white space would be lost.
  if (body.includes(LINE_FEED) || body.includes(CARRIAGE_RETURN)) return false;
  if (isBlank(body[0]) || isBlank(body.at(-1))) return false;
  return isUtf8(body) && isJson(body);
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB;
}

const [SPACE, TAB, LINE_FEED, CARRIAGE_RETURN, QUOTE, BACKSLASH] = [0x20, 0x09, 0x0a, 0x0d, 0x22, 0x5c];
const OPENING_BRACE = 0x7b;

function isObjectText(text: Buffer | undefined): boolean {
  return text?.[0] === OPENING_BRACE;
}

function isObject(value: unknown): value is JsonProperties {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(reason: string, cause?: unknown): TaskQueueError {
  return new TaskQueueError(ErrorCode.invalidMessage, `This is not a record of a message: ${reason}`, {
    cause,
  });
}
