import { createServer } from 'node:net';
import { forgetOldest } from '../forget-oldest.ts';
import { startFailed } from './start-failed.ts';

/**
 * Below the ephemeral range (from 32768 on Linux, from 49152 on macOS), so that no outgoing connection takes a port
 * of ours between two starts of the node.
 */
const LOWEST = 20_000;
const COUNT = 12_000;
const ATTEMPTS = 200;

/** Ports handed out recently, oldest first. Nothing may listen there yet: starting a broker takes seconds. */
const handedOut = new Set<number>();
const MAX_HANDED_OUT = 1_000;

/** A port of 127.0.0.1 that is free at the moment and was not handed out recently. */
export async function findFreePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = LOWEST + Math.floor(Math.random() * COUNT);
    if (handedOut.has(port)) continue;
    // Before the first wait, in which another call could find the same port.
    handOut(port);
    if ((await portProblem(port)) === undefined) return port;
  }
  throw startFailed('No free port was found on 127.0.0.1');
}

function handOut(port: number): void {
  handedOut.add(port);
  forgetOldest(handedOut, MAX_HANDED_OUT);
}

/** Returns this port if it is free. */
export async function takeIfFree(port: number): Promise<boolean> {
  handOut(port);
  return (await portProblem(port)) === undefined;
}

/** @throws TaskQueueError saying why the given port cannot be used. */
export async function requireFreePort(port: number): Promise<void> {
  handOut(port);
  const problem = await portProblem(port);
  if (problem === undefined) return;
  throw startFailed(
    problem.code === 'EADDRINUSE'
      ? `Port ${port} of 127.0.0.1 is in use already`
      : `Port ${port} of 127.0.0.1 cannot be used: ${problem.message}`,
    { cause: problem, hint: 'Choose another port, or omit it to use a free one.' },
  );
}

function portProblem(port: number): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', resolve);
    server.listen({ host: '127.0.0.1', port }, () => server.close(() => resolve(undefined)));
  });
}
