import { createConnection } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { NodePorts } from './broker-node.ts';

const POLL_INTERVAL_MS = 50;

/**
 * Resolves to the version of RabbitMQ once it accepts AMQP connections and its management API, if enabled, answers.
 * Retries until `signal` is aborted, then rejects with its reason.
 */
export async function awaitReady(ports: NodePorts, signal: AbortSignal): Promise<string> {
  const version = await poll(() => greet(ports.amqp), signal);
  const { api } = ports;
  if (api !== undefined) await poll(() => answersApi(api), signal);
  return version;
}

async function poll<T>(probe: () => Promise<T | undefined>, signal: AbortSignal): Promise<T> {
  while (true) {
    signal.throwIfAborted();
    const result = await probe();
    if (result !== undefined) return result;
    await delay(POLL_INTERVAL_MS, undefined, { signal }).catch(() => {});
  }
}

const PROTOCOL_HEADER = Buffer.from('AMQP\0\0\x09\x01', 'latin1');
const METHOD_FRAME = 1;
const FRAME_OVERHEAD = 8;
const PROBE_TIMEOUT_MS = 2_000;

/** The version from the broker's first frame (connection.start); undefined if none arrives. */
function greet(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    let received = Buffer.alloc(0);
    const socket = createConnection({ host: '127.0.0.1', port, timeout: PROBE_TIMEOUT_MS });
    const finish = (version?: string) => {
      resolve(version);
      socket.destroy();
    };
    socket.once('connect', () => socket.write(PROTOCOL_HEADER));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received[0] !== METHOD_FRAME) return finish();
      if (received.length >= 7 && received.length >= FRAME_OVERHEAD + received.readUInt32BE(3)) {
        finish(serverVersion(received));
      }
    });
    socket.once('error', () => finish()).once('timeout', () => finish());
    socket.once('close', () => finish());
  });
}

/** In the server properties, a field is its name, the type `S`, the length and the text. */
function serverVersion(frame: Buffer): string {
  const field = Buffer.from('\x07versionS', 'latin1');
  const at = frame.indexOf(field);
  if (at < 0) return 'unknown';
  const start = at + field.length + 4;
  return frame.toString('utf8', start, start + frame.readUInt32BE(start - 4));
}

async function answersApi(port: number): Promise<true | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/api/overview`, {
      headers: { authorization: `Basic ${btoa('guest:guest')}` },
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
    });
    await response.body?.cancel();
    return response.status === 200 ? true : undefined;
  } catch {
    return undefined;
  }
}
