import { createServer } from 'node:net';
import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';
import { startFailed } from './start-failed.ts';

/**
 * Below the range systems take the ports of outgoing connections from (Linux: from 32768 on, macOS: from
 * 49152 on), so that none of those takes a port of ours between two starts of the node.
 */
const LOWEST = 20_000;
const COUNT = 12_000;
const ATTEMPTS = 200;

/** What this process was given last, oldest first. It may not listen there yet: starting a broker takes seconds. */
const handedOut = new Set<number>();
const MAX_HANDED_OUT = 1_000;

/** A port of 127.0.0.1 on which nobody listens at the moment, and which this process was not given lately. */
export async function findFreePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = LOWEST + Math.floor(Math.random() * COUNT);
    if (handedOut.has(port)) continue;
    // Before the first wait, during which another call may come upon the same one.
    handOut(port);
    if ((await portProblem(port)) === undefined) return port;
  }
  throw startFailed('No free port was found on 127.0.0.1');
}

function handOut(port: number): void {
  handedOut.add(port);
  if (handedOut.size <= MAX_HANDED_OUT) return;
  const [oldest] = handedOut;
  handedOut.delete(oldest as number);
}

/** Hands out this port if nobody listens there. */
export async function takeIfFree(port: number): Promise<boolean> {
  handOut(port);
  return (await portProblem(port)) === undefined;
}

/** @throws TaskQueueError saying why the port of the caller's choice cannot be had. */
export async function requireFreePort(port: number): Promise<void> {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new TaskQueueError(
      ErrorCode.invalidArgument,
      `The port must be a whole number from 1 to 65535, not ${port}`,
    );
  }
  handOut(port);
  const problem = await portProblem(port);
  if (problem === undefined) return;
  throw startFailed(
    problem.code === 'EADDRINUSE'
      ? `Port ${port} of 127.0.0.1 is in use already`
      : `Port ${port} of 127.0.0.1 cannot be used: ${problem.message}`,
    { cause: problem, hint: 'Choose another port, or name none: then a free one is found.' },
  );
}

function portProblem(port: number): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', resolve);
    server.listen({ host: '127.0.0.1', port }, () => server.close(() => resolve(undefined)));
  });
}
