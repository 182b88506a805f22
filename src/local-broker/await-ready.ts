import { setTimeout as delay } from 'node:timers/promises';
import { ErrorCode, hasCode } from '../errors/task-queue-error.ts';
import { TaskQueueClient } from '../task-queue-client.ts';
import type { NodePorts } from './broker-node.ts';

const POLL_INTERVAL_MS = 50;

/**
 * Resolves to the version of RabbitMQ once it accepts AMQP connections and its management API, if enabled, answers.
 * Retries until `signal` is aborted, then rejects with its reason.
 */
export async function awaitReady(ports: NodePorts, signal: AbortSignal): Promise<string> {
  const version = await poll(() => versionOf(ports.amqp), signal);
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

const PROBE_TIMEOUT_MS = 2_000;

/** Undefined while the broker accepts no connection. */
async function versionOf(port: number): Promise<string | undefined> {
  const url = `amqp://127.0.0.1:${port}`;
  const client = new TaskQueueClient({ url, connectTimeoutMs: PROBE_TIMEOUT_MS });
  try {
    const { version = UNKNOWN } = await client.identify();
    return version;
  } catch (error) {
    // Somebody has changed the users in the data folder.
    return hasCode(error, ErrorCode.authenticationFailed, ErrorCode.accessRefused) ? UNKNOWN : undefined;
  } finally {
    await client.close();
  }
}

const UNKNOWN = 'unknown';

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
