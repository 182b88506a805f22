import { ErrorCode, MalformedMessageError, TaskQueueError } from '../errors/task-queue-error.ts';
import { parseLenientJson } from './lenient-json.ts';
import { isNestedTooDeeply, TOO_DEEP } from './nesting.ts';
import type { QueueableMessage, QueuedMessage, RequestId } from './queued-message.ts';
import { formatTimestamp, isDate, parseTimestamp } from './timestamps.ts';

/*
 * The wire format of the Python package rabbitmq-mcp-task-queue 0.1.0: UTF-8 JSON
 * {"type", "message", "timestamp", "original_request_id"}.
 */

type JsonObject = { [key: string]: unknown };

const WIRE_MEMBERS: ReadonlySet<string> = new Set(['type', 'message', 'timestamp', 'original_request_id']);
const MESSAGE_MEMBERS: ReadonlySet<string> = new Set(['type', 'message', 'timestamp', 'originalRequestId']);

/** The members of a message, and of its error. */
const RPC_MEMBERS = ['jsonrpc', 'id', 'method', 'params', 'result', 'error', 'code', 'message', 'data'];

/** Why a value is not a queued message. Becomes one of two errors. */
class Refusal extends Error {}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The body that is stored for a message. Unknown extra fields travel along.
 * @throws TaskQueueError `INVALID_MESSAGE` naming what is wrong with it.
 */
export function encodeQueuedMessage(message: QueueableMessage): Buffer {
  try {
    return encode(message);
  } catch (cause) {
    if (cause instanceof TaskQueueError) throw cause;
    // Getters, toJSON and proxies run code of the caller, which may throw anything.
    const { message: why } = (cause ?? {}) as { message?: unknown };
    const [line] = typeof why === 'string' ? why.split('\n') : ['a value of it threw an error'];
    throw new TaskQueueError(ErrorCode.invalidMessage, `The message is not serialisable as JSON: ${line}`, {
      cause,
    });
  }
}

function encode(message: QueueableMessage): Buffer {
  const checked = parseQueuedMessage(message);
  checkSerializable(checked);
  const envelope = {
    type: checked.type,
    message: plainMessage(checked),
    timestamp: formatTimestamp(checked.timestamp),
    original_request_id: checked.originalRequestId ?? null,
    ...membersBesides(MESSAGE_MEMBERS, checked),
  };
  const text = JSON.stringify(envelope);
  if (isNestedTooDeeply(text)) throw invalid(TOO_DEEP);
  return Buffer.from(text);
}

/**
 * The message of any class, as a plain object: `JSON.stringify` would leave out what the class has by getters, and the
 * message of an Error.
 */
function plainMessage({ type, message }: QueuedMessage): object {
  const plain = plainObject(message as unknown as JsonObject);
  return type === 'error' ? { ...plain, error: plainObject(plain.error as JsonObject) } : plain;
}

function plainObject(object: JsonObject): JsonObject {
  if (Object.getPrototypeOf(object) === Object.prototype) return object;
  return { ...object, ...Object.fromEntries(RPC_MEMBERS.map((name) => [name, object[name]])) };
}

/**
 * Refuses what `JSON.stringify` would make another value of, where readers need the one that was checked.
 * @throws TaskQueueError `INVALID_MESSAGE`
 */
function checkSerializable(checked: QueuedMessage): void {
  const { message } = checked;
  const { params, result, error } = message as unknown as JsonObject;
  const objects = { it: checked, message, params, result, error };
  for (const [name, value] of Object.entries(objects))
    if (typeof (value as JsonObject | undefined)?.toJSON === 'function')
      throw invalid(`${name === 'it' ? name : `"${name}"`} has a method toJSON`);
  if ('original_request_id' in checked)
    throw invalid('originalRequestId is the name of original_request_id here');
}

/**
 * Reads a stored body. JSON `null` params, which Python writes for absent ones and the SDK's schema refuses,
 * are dropped; integers beyond 2^53 lose their last digits, as everywhere in JavaScript. `NaN` and `Infinity`, which Python
 * writes although JSON has no such numbers, are those numbers.
 * @throws MalformedMessageError naming what is wrong with it, and carrying the bytes.
 */
export function decodeQueuedMessage(taskId: string, body: Buffer): QueuedMessage {
  try {
    const envelope = asObject(parseBody(body), 'it');
    const { type, message, timestamp, original_request_id: origin } = envelope;
    if (typeof timestamp !== 'string') throw new Refusal('"timestamp" is not a string');
    const ms = parseTimestamp(timestamp);
    if (ms === undefined) throw new Refusal('"timestamp" is not ISO 8601');
    const decoded: JsonObject = { type, message, timestamp: ms };
    if (origin !== undefined && origin !== null) decoded.originalRequestId = origin;
    const extra = membersBesides(WIRE_MEMBERS, envelope);
    return checkQueuedMessage(extra ? { ...extra, ...decoded } : decoded);
  } catch (error) {
    if (error instanceof Refusal) throw new MalformedMessageError(taskId, body, error.message, error.cause);
    throw error;
  }
}

function parseBody(body: Buffer): unknown {
  try {
    const text = utf8.decode(body);
    if (isNestedTooDeeply(text)) throw new Refusal(TOO_DEEP);
    return parseLenientJson(text);
  } catch (cause) {
    if (cause instanceof Refusal) throw cause;
    throw new Refusal(cause instanceof SyntaxError ? 'it is not JSON' : 'it is not UTF-8', { cause });
  }
}

/**
 * Checks that a value is a queued message, in the shape of the TypeScript SDK.
 * @throws TaskQueueError `INVALID_MESSAGE` naming what is wrong with it.
 */
export function parseQueuedMessage(value: unknown): QueuedMessage {
  try {
    const envelope = asObject(value, 'it');
    const { timestamp } = envelope;
    if (typeof timestamp !== 'number' || !isDate(timestamp)) {
      throw new Refusal('"timestamp" is not a number of milliseconds since the epoch');
    }
    return checkQueuedMessage(envelope);
  } catch (error) {
    throw error instanceof Refusal ? invalid(error.message) : error;
  }
}

function invalid(why: string): TaskQueueError {
  return new TaskQueueError(ErrorCode.invalidMessage, `The message is not a queued MCP message: ${why}`, {
    hint: 'Expected {type: "request" | "notification" | "response" | "error", message: <JSON-RPC message>, timestamp: <ms>}.',
  });
}

function checkQueuedMessage(envelope: JsonObject): QueuedMessage {
  const rpc = asObject(envelope.message, '"message"');
  if (rpc.jsonrpc !== '2.0') throw new Refusal('"message.jsonrpc" is not "2.0"');
  const origin = envelope.originalRequestId;
  if (origin !== undefined && !isRequestId(origin)) {
    throw new Refusal('"original_request_id" is neither a string nor an integer');
  }
  const { check, nullable } = CHECKS[checkType(envelope.type)];
  check(rpc);
  const message = withoutNull(rpc, nullable);
  // Every field that the type promises has been checked; the rest stays unchanged.
  return (message === rpc ? envelope : { ...envelope, message }) as unknown as QueuedMessage;
}

/** Copies only where there are any: copying every message would cost more than all the checks. */
function membersBesides(known: ReadonlySet<string>, envelope: object): JsonObject | undefined {
  const names = Object.keys(envelope).filter((name) => !known.has(name));
  if (names.length === 0) return undefined;
  return Object.fromEntries(names.map((name) => [name, (envelope as JsonObject)[name]]));
}

interface TypeCheck {
  check: (rpc: JsonObject) => void;
  /** The member that other writers set to null to mean that it is absent. */
  nullable?: string;
}

const CHECKS: Record<QueuedMessage['type'], TypeCheck> = {
  request: {
    nullable: 'params',
    check: (rpc) => {
      checkMethod(rpc);
      checkId(rpc.id, 'a request');
    },
  },
  notification: {
    nullable: 'params',
    check: (rpc) => {
      checkMethod(rpc);
      // The receiver would treat it as a request, and send an answer that is mistaken for another one's.
      if (rpc.id !== undefined) throw new Refusal('"message.id" of a notification must be absent');
    },
  },
  response: {
    check: (rpc) => {
      checkId(rpc.id, 'a response');
      asObject(rpc.result, '"message.result"');
    },
  },
  error: {
    nullable: 'id',
    check: (rpc) => {
      if (rpc.id !== undefined && rpc.id !== null) checkId(rpc.id, 'an error');
      const { code, message } = asObject(rpc.error, '"message.error"');
      if (!Number.isFinite(code)) throw new Refusal('"message.error.code" is not a number');
      if (typeof message !== 'string') throw new Refusal('"message.error.message" is not a string');
    },
  },
};

function checkType(type: unknown): QueuedMessage['type'] {
  if (typeof type === 'string' && Object.hasOwn(CHECKS, type)) return type as QueuedMessage['type'];
  throw new Refusal('"type" must be request, notification, response or error');
}

function checkMethod(rpc: JsonObject): void {
  if (typeof rpc.method !== 'string') throw new Refusal('"message.method" is not a string');
  if (rpc.params !== undefined && rpc.params !== null) asObject(rpc.params, '"message.params"');
}

function checkId(id: unknown, of: string): void {
  if (!isRequestId(id)) throw new Refusal(`"message.id" of ${of} is neither a string nor an integer`);
}

function withoutNull(rpc: JsonObject, member: string | undefined): JsonObject {
  if (member === undefined || rpc[member] !== null) return rpc;
  const { [member]: _null, ...rest } = rpc;
  return rest;
}

/** As both SDKs have it. Larger integers JSON.stringify writes as `1e+21`, which Python reads as a float. */
function isRequestId(value: unknown): value is RequestId {
  return typeof value === 'string' || (Number.isInteger(value) && Math.abs(value as number) < 1e21);
}

function asObject(value: unknown, what: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw new Refusal(`${what} is not a JSON object`);
}
