import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { inject } from 'vitest';
import { startCli } from './cli.ts';
import { FaultProxy } from './fault-proxy.ts';
import { observer } from './tasks.ts';
import { until } from './until.ts';

/** basic.ack: its class and its method. */
const ACKNOWLEDGEMENT = '\u0000\u003c\u0000\u0050';

/**
 * Starts a drain into a file of which RabbitMQ hears no acknowledgement, nor anything after it: the drain stays in the middle,
 * with messages that are written and not removed. Resolves when some are written.
 */
export async function startUnheardDrain(file: string, args: readonly string[]) {
  const size = await sizeOf(file);
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  proxy.fault = { kind: 'deaf', before: ACKNOWLEDGEMENT };
  const child = startCli(args, { env: { MCP_TASKQ_URL: proxy.url } });
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  await until(async () => (await sizeOf(file)) > size);
  return { child, ended, proxy };
}

/** Kills a drain that has written messages which are not removed, and waits until they are back. */
export async function killDrain(task: string, file: string, args: readonly string[]): Promise<void> {
  const { child, ended } = await startUnheardDrain(file, args);
  child.kill('SIGKILL');
  await ended;
  await untilNobodyReads(task);
}

/** Resolves when RabbitMQ has noticed that a reader is gone, and what it held is back. */
export async function untilNobodyReads(task: string): Promise<void> {
  await until(async () => (await observer().depth(task))?.consumers === 0);
}

/** Of a file that may not be there yet. */
export async function sizeOf(file: string): Promise<number> {
  return (await stat(file).catch(() => undefined))?.size ?? 0;
}
