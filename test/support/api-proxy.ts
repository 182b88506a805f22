import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { inject, onTestFinished } from 'vitest';

export interface ApiProxyOptions {
  /** Which API is behind it. Default: that of the test broker. */
  behind?: string;
  /** What it makes of a path before it passes the request on. */
  path?: (path: string) => string;
  /** Answers by itself: returns true when it has. */
  answer?: (incoming: IncomingMessage, response: ServerResponse) => boolean;
  /** Packs all answers, asked or not. */
  gzip?: boolean;
  /** Passes so many bytes of an answer, then nothing more. */
  stallsAfter?: number;
  /** Where it listens. Default 127.0.0.1. */
  host?: string;
}

/** A reverse proxy in front of the real management API, with the faults that such proxies have. */
export async function proxyApi(options: ApiProxyOptions = {}): Promise<string> {
  const { behind = inject('apiUrl'), path = (same) => same, answer, host = '127.0.0.1' } = options;
  const server = createServer((incoming, response) => {
    if (answer?.(incoming, response)) return;
    const { headers, method } = incoming;
    const target = { host: new URL(behind).hostname, port: new URL(behind).port };
    const outgoing = request(
      { ...target, method, headers, path: path(incoming.url ?? '') },
      async (answered) => {
        const chunks: Buffer[] = [];
        for await (const chunk of answered) chunks.push(chunk as Buffer);
        pass(response, answered, Buffer.concat(chunks), options);
      },
    );
    outgoing.on('error', () => response.destroy());
    outgoing.end();
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://${host}:${(server.address() as { port: number }).port}`;
}

function pass(
  response: ServerResponse,
  { statusCode = 0, headers }: IncomingMessage,
  body: Buffer,
  { gzip, stallsAfter }: ApiProxyOptions,
): void {
  const { 'content-length': _, 'transfer-encoding': __, ...rest } = headers;
  response.writeHead(statusCode, { ...rest, ...(gzip && { 'content-encoding': 'gzip' }) });
  if (stallsAfter !== undefined) response.write(body.subarray(0, stallsAfter));
  else response.end(gzip ? gzipSync(body) : body);
}

/** As nginx does it with `proxy_pass http://rabbitmq/;`: the path is decoded, and slashes side by side are one. */
export function decodedPath(path: string): string {
  const [before = '', query] = path.split('?');
  const decoded = decodeURIComponent(before).replace(/\/+/g, '/');
  return query === undefined ? decoded : `${decoded}?${query}`;
}
