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
    if ((await claimPort(port)) === undefined) return port;
  }
  throw startFailed('No free port was found on 127.0.0.1');
}

/** Hands out a port, if it is free. @returns why it cannot be used; undefined if it can */
export function claimPort(port: number): Promise<NodeJS.ErrnoException | undefined> {
  // Before the wait, in which another call could find the same port.
  handedOut.add(port);
  forgetOldest(handedOut, MAX_HANDED_OUT);
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', resolve);
    server.listen({ host: '127.0.0.1', port }, () => server.close(() => resolve(undefined)));
  });
}
