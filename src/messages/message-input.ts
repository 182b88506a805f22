import { isUtf8 } from 'node:buffer';
import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';
import { propertyListOf } from '../properties/property-list.ts';
import { encodeQueuedMessage, parseQueuedMessage } from './codec.ts';
import { JsonObjectText } from './json-bytes.ts';
import { isNestedTooDeeply, TOO_DEEP } from './nesting.ts';
import type { QueuedMessage } from './queued-message.ts';
import { isRecord, type MessageRecord, readRecord } from './records.ts';
import type { OutgoingMessage } from './stored-message.ts';
import { formatTimestamp, parseTimestamp } from './timestamps.ts';

type JsonObject = { [key: string]: unknown };

const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/**
 * Reads a message to be enqueued from JSON text, in whichever form it comes:
 *
 * - a record, as {@link encodeRecord} writes it: the same bytes and properties, whatever the body is. Recognised by
 * `body` or `body_base64`, unless it has the form of one of the other two, which may have members of these names;
 * - a queued message, `{"type", "message", "timestamp", …}`, with the timestamp as on the wire (ISO 8601), in the
 * SDK's milliseconds, or absent (then it is now);
 * - a bare JSON-RPC message, which is wrapped; its type follows from its members.
 *
 * A message in wire form is stored exactly as written. Only records carry properties, and the task they were read from.
 * @param input the text, or its UTF-8 bytes; the message may keep a view of them, so do not change them
 * @throws TaskQueueError `INVALID_MESSAGE` naming what is wrong
 */
export function parseMessageInput(input: string | Buffer): OutgoingMessage & Partial<MessageRecord> {
  if (typeof input === 'string' ? !input.isWellFormed() : !isUtf8(input)) throw invalid('it is not UTF-8');
  const bytes = typeof input === 'string' ? Buffer.from(input) : input;
  const object = JsonObjectText.read(bytes);
  if (object === undefined) throw notAnObject(bytes);
  if (isRecord(object)) return publishable(readRecord(object));
  // A record may hold anything; these two are read as messages.
  if (isNestedTooDeeply(bytes.toString())) throw invalid(TOO_DEEP);
  if (object.has('jsonrpc')) return { body: wrapText(bytes.toString()) };
  if (object.has('message')) return { body: readEnvelope(bytes) };
  if (object.has('payload') && object.has('payload_encoding'))
    throw fromManagementApi(JSON.parse(bytes.toString()));
  throw invalid(
    'it is neither a record ("body"), nor a queued message ("message"), nor JSON-RPC ("jsonrpc")',
  );
}

/** From `POST /api/queues/…/get`, or from rabbitmqadmin as raw JSON; `truncate` may have cut it off. */
function fromManagementApi({ payload, payload_encoding, payload_bytes }: JsonObject): TaskQueueError {
  const bytes = Buffer.byteLength(String(payload), payload_encoding === 'base64' ? 'base64' : 'utf8');
  if (typeof payload_bytes === 'number' && bytes < payload_bytes) {
    return invalid(`it is cut off, at ${bytes} of ${payload_bytes} bytes; get it again without "truncate"`);
  }
  const message = 'The message is as the management API gives it, and not a record';
  return new TaskQueueError(ErrorCode.invalidMessage, message, {
    hint: `To make records: jq -c '${TO_RECORD}'`,
  });
}

/** What has no properties has an empty list of them there. */
const TO_RECORD =
  '(if type == "array" then .[] else . end) | {properties: (.properties | if type == "array" then {} else . end), ' +
  'body_base64: (if .payload_encoding == "base64" then .payload else (.payload | @base64) end)}';

function notAnObject(bytes: Buffer): TaskQueueError {
  try {
    const isArray = Array.isArray(JSON.parse(bytes.toString()));
    return invalid(isArray ? 'it is an array; put one message on each line' : 'it is not an object');
  } catch (cause) {
    return invalid(`it is not JSON (${(cause as Error).message})`, cause);
  }
}

/** @throws TaskQueueError `INVALID_MESSAGE` where RabbitMQ would close the connection for its properties */
function publishable(record: MessageRecord): MessageRecord {
  const { properties, propertyList } = record;
  if (properties !== undefined) propertyListOf({ properties, propertyList });
  return record;
}

function readEnvelope(bytes: Buffer): Buffer {
  const envelope = JSON.parse(bytes.toString()) as JsonObject;
  const { timestamp = Date.now(), original_request_id: origin } = envelope;
  const originalRequestId = origin ?? envelope.originalRequestId;
  if (typeof timestamp === 'string') {
    const ms = parseTimestamp(timestamp);
    if (ms === undefined) throw invalid('"timestamp" is not ISO 8601');
    // Only for its checks; the text is stored as written.
    parseQueuedMessage({ type: envelope.type, message: envelope.message, timestamp: ms, originalRequestId });
    return trimmed(bytes);
  }
  const { original_request_id: _wire, ...rest } = envelope;
  const given = originalRequestId === undefined ? {} : { originalRequestId };
  return encodeQueuedMessage(parseQueuedMessage({ ...rest, timestamp, ...given }));
}

/** Strips the white space around it; copies only if there is any. */
function trimmed(bytes: Buffer): Buffer {
  if (bytes[0] === OPENING_BRACE && bytes.at(-1) === CLOSING_BRACE) return bytes;
  return Buffer.from(bytes.toString().trim());
}

/** Puts the envelope around the message, which stays as written, numbers included. */
function wrapText(text: string): Buffer {
  const rpc = JSON.parse(text) as JsonObject;
  const type = typeOf(rpc);
  const timestamp = Date.now();
  // Only for its checks; the text is stored.
  parseQueuedMessage({ type, message: rpc, timestamp });
  return Buffer.from(
    `{"type":"${type}","message":${text.trim()},"timestamp":"${formatTimestamp(timestamp)}","original_request_id":null}`,
  );
}

function typeOf(rpc: JsonObject): QueuedMessage['type'] {
  if (Object.hasOwn(rpc, 'method')) return Object.hasOwn(rpc, 'id') ? 'request' : 'notification';
  if (Object.hasOwn(rpc, 'result')) return 'response';
  if (Object.hasOwn(rpc, 'error')) return 'error';
  throw invalid('it has no "method", "result" or "error"');
}

function invalid(reason: string, cause?: unknown): TaskQueueError {
  return new TaskQueueError(ErrorCode.invalidMessage, `The message cannot be used: ${reason}`, { cause });
}
