import { isUtf8 } from 'node:buffer';
import { ErrorCode, TaskQueueError } from '../errors.ts';
import { headerValueFromJson, headerValueToJson } from './header-values.ts';
import { jsonMembers } from './json-members.ts';
import type { MessageProperties, RawMessage, StoredMessage } from './stored-message.ts';

/** A message read back from a record. */
export interface MessageRecord extends RawMessage {
  /** Of the task it was read from, where the record says so. */
  taskId: string | undefined;
}

/**
 * A message as one line of JSON, without the line feed:
 *
 *     {"task_id": …, "redelivered": …, "properties": {…}, "body": <the body, verbatim>}
 *
 * A body that is not one line of JSON in valid UTF-8 travels as `body_base64` instead. Properties have their
 * AMQP names. {@link parseRecord} gives the same bytes and properties back.
 *
 * @param message
 */
export function encodeRecord({ taskId, redelivered, properties, body }: StoredMessage): string {
  const { headers, ...rest } = properties;
  const written = headers === undefined ? rest : { ...rest, headers: headerValueToJson(headers) };
  const metadata = JSON.stringify({ task_id: taskId, redelivered, properties: written });
  const text = jsonLine(body);
  return text === undefined
    ? `${metadata.slice(0, -1)},"body_base64":"${body.toString('base64')}"}`
    : `${metadata.slice(0, -1)},"body":${text}}`;
}

/**
 * Reads what {@link encodeRecord} wrote, also after jq or the like has filtered or reordered it. The body is
 * the text that stands in the line, not one made anew from its values.
 * @throws TaskQueueError `INVALID_MESSAGE` naming what is wrong
 */
export function parseRecord(line: string): MessageRecord {
  const value = parseObject(line);
  const { task_id: taskId, properties = {} } = value;
  if (taskId !== undefined && typeof taskId !== 'string') throw invalid('"task_id" is not a string');
  return { taskId, properties: readProperties(properties), body: readBody(value, line) };
}

function readBody(value: { [key: string]: unknown }, line: string): Buffer {
  const isText = Object.hasOwn(value, 'body');
  if (isText === Object.hasOwn(value, 'body_base64')) {
    throw invalid(
      isText ? 'it has both "body" and "body_base64"' : 'it has neither "body" nor "body_base64"',
    );
  }
  if (isText) return Buffer.from(jsonMembers(line).get('body') as string);
  const { body_base64: base64 } = value;
  const bytes = Buffer.from(typeof base64 === 'string' ? base64 : '', 'base64');
  // Buffer.from skips what is no base64; a damaged body must not be sent.
  if (bytes.toString('base64') !== base64) throw invalid('"body_base64" is not base64');
  return bytes;
}

/** A body that can stand inside a line as it is, and be taken out of it again. */
function jsonLine(body: Buffer): string | undefined {
  if (!isUtf8(body)) return undefined;
  const text = body.toString();
  // White space around it would be lost, and a line break inside would end the line.
  if (text !== text.trim() || /[\n\r]/.test(text)) return undefined;
  try {
    JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}

const isString = (value: unknown) => typeof value === 'string' && Buffer.byteLength(value) <= 255;
const isWhole = (least: number, most: number) => (value: unknown) =>
  Number.isInteger(value) && (value as number) >= least && (value as number) <= most;

const PROPERTY_CHECKS: Record<keyof MessageProperties, [isValid: (value: unknown) => boolean, what: string]> =
  {
    content_type: [isString, 'a string of at most 255 bytes'],
    content_encoding: [isString, 'a string of at most 255 bytes'],
    headers: [isObject, 'an object'],
    delivery_mode: [isWhole(1, 2), '1 or 2'],
    priority: [isWhole(0, 255), 'a whole number from 0 to 255'],
    correlation_id: [isString, 'a string of at most 255 bytes'],
    reply_to: [isString, 'a string of at most 255 bytes'],
    expiration: [(value) => /^\d{1,15}$/.test(String(value)) && isString(value), 'milliseconds as a string'],
    message_id: [isString, 'a string of at most 255 bytes'],
    timestamp: [isWhole(0, Number.MAX_SAFE_INTEGER), 'a whole number of seconds'],
    type: [isString, 'a string of at most 255 bytes'],
    user_id: [isString, 'a string of at most 255 bytes'],
    app_id: [isString, 'a string of at most 255 bytes'],
    cluster_id: [isString, 'a string of at most 255 bytes'],
  };

function readProperties(properties: unknown): MessageProperties {
  if (!isObject(properties)) throw invalid('"properties" is not an object');
  for (const [name, value] of Object.entries(properties)) {
    if (!Object.hasOwn(PROPERTY_CHECKS, name)) {
      throw invalid(`"properties" has ${JSON.stringify(name)}, which AMQP does not know`);
    }
    const [isValid, what] = PROPERTY_CHECKS[name as keyof MessageProperties];
    if (!isValid(value)) throw invalid(`"properties.${name}" is not ${what}`);
  }
  const { headers, ...rest } = properties as MessageProperties;
  if (headers === undefined) return rest;
  return { ...rest, headers: headerValueFromJson(headers) as { [name: string]: unknown } };
}

function parseObject(line: string): { [key: string]: unknown } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw invalid('it is not JSON', cause);
  }
  if (!isObject(value)) throw invalid('it is not a JSON object');
  return value;
}

function isObject(value: unknown): value is { [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(reason: string, cause?: unknown): TaskQueueError {
  return new TaskQueueError(ErrorCode.invalidMessage, `This is no record of a message: ${reason}`, { cause });
}
