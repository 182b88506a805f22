import { connect, createServer, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** How late a piece is: 3 of 5 at once, most others within milliseconds. */
const LATE_MS = 4;
const VERY_LATE_MS = 60;

/** What comes together in more bytes is passed as it is: in pieces, a body of megabytes would take minutes. */
const MOST_SPLIT_BYTES = 20_000;
const MOST_PIECE_BYTES = 600;

/**
 * Where to find what is at a URL, by a network on which bytes come late and in pieces: messages that are sent together
 * arrive one by one, and what one side has ended goes on at the other for a while. Its proxies end with the process.
 */
export async function slowNetworkTo(url: string): Promise<string> {
  const { hostname, port, protocol } = new URL(url);
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ host: hostname, port: Number(port), allowHalfOpen: true, noDelay: true });
    void pass(near, far);
    void pass(far, near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  return `${protocol}//127.0.0.1:${(server.address() as { port: number }).port}`;
}

async function pass(from: Socket, to: Socket): Promise<void> {
  try {
    await pipeline(from, latePieces, to);
  } catch {
    // Either side has gone.
    from.destroy();
    to.resetAndDestroy();
  }
}

async function* latePieces(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    for (const piece of piecesOf(chunk)) {
      const ms = delayMs();
      if (ms > 0) await sleep(ms);
      yield piece;
    }
  }
}

function* piecesOf(chunk: Buffer): Generator<Buffer> {
  for (let at = 0; at < chunk.length; ) {
    const isRest = chunk.length > MOST_SPLIT_BYTES || Math.random() < 0.5;
    const end = isRest ? chunk.length : at + 1 + Math.floor(Math.random() * MOST_PIECE_BYTES);
    yield chunk.subarray(at, end);
    at = end;
  }
}

function delayMs(): number {
  const share = Math.random();
  if (share < 0.6) return 0;
  return Math.random() * (share < 0.95 ? LATE_MS : VERY_LATE_MS);
}
