import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { ManagementApi, type ManagementApiOptions } from '../../src/management-api.ts';

/** Listens where the management API would, and answers so. */
async function listen(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function get(options: ManagementApiOptions): Promise<unknown> {
  const api = new ManagementApi(options);
  onTestFinished(() => api.close());
  return api.get('overview', { page: 1 });
}

const json =
  (status: number, body: unknown): RequestListener =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };

test.each<[string, RequestListener, string, RegExp]>([
  ['HTML', (_, response) => void response.end('<html>hello</html>'), 'API_UNAVAILABLE', /no JSON/],
  ['an error of its own', json(500, { reason: 'boom' }), 'API_UNAVAILABLE', /500 \(boom\)/],
  ['"starting up"', (_, response) => void response.writeHead(503).end(), 'API_UNAVAILABLE', /503/],
  ['401', json(401, { reason: 'Login failed' }), 'AUTHENTICATION_FAILED', /password/],
  [
    '401 for want of the tag',
    json(401, { reason: 'Not management user' }),
    'ACCESS_REFUSED',
    /Not management/,
  ],
  ['403', json(403, {}), 'ACCESS_REFUSED', /refuses access/],
  ['404', json(404, { reason: 'Not Found' }), 'VHOST_NOT_FOUND', /vhost "v"/],
  [
    'half of it',
    (_, response) =>
      void response.writeHead(200, { 'content-length': 9 }).write('{', () => response.destroy()),
    'API_UNAVAILABLE',
    /Cannot reach/,
  ],
  ['nothing', () => {}, 'TIMEOUT', /did not answer within 300 ms/],
  [
    'bit by bit, for ever',
    (_, response) => {
      const drip = setInterval(() => response.write(' '), 50);
      response.on('close', () => clearInterval(drip));
    },
    'TIMEOUT',
    /did not answer/,
  ],
])('an answer of %s is told as what it is', async (_, answer, code, message) => {
  const origin = await listen(answer);
  const apiUrl = origin.replace('://', '://me:s3cret@');
  await expect(get({ url: 'amqp://localhost/v', apiUrl, apiTimeoutMs: 300 })).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
    hint: expect.any(String),
  });
  await expect(get({ url: 'amqp://localhost/v', apiUrl, apiTimeoutMs: 300 })).rejects.not.toThrow(/s3cret/);
});

test('credentials are those of its own URL, else the broker URL’s, else guest', async () => {
  const origin = await listen((request, response) => {
    const [, secret = ''] = request.headers.authorization?.split(' ') ?? [];
    response.end(JSON.stringify(Buffer.from(secret, 'base64').toString()));
  });
  const url = 'amqp://a%C3%BC:p%40w@localhost';
  expect(await get({ url, apiUrl: origin.replace('://', '://me:%C3%BC@') })).toBe('me:ü');
  expect(await get({ url, apiUrl: origin })).toBe('aü:p@w');
  expect(await get({ apiUrl: origin })).toBe('guest:guest');
  await expect(get({ apiUrl: origin.replace('://', '://me:%zz@') })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  });
});

test('it may lie below a path', async () => {
  const origin = await listen((request, response) => void response.end(JSON.stringify(request.url)));
  expect(await get({ apiUrl: `${origin}/rabbit` })).toBe('/rabbit/api/overview?page=1');
});

test('the nodes of a cluster are tried in turn', async ({ skip }) => {
  const server = createServer(json(200, 'here'));
  onTestFinished(() => void server.close());
  const isFree = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false)).listen(15672, '127.0.0.92', () => resolve(true));
  });
  if (!isFree) skip('the port of the management API is taken, or this system has one loopback address only');
  expect(await get({ url: ['amqp://127.0.0.91', 'amqp://127.0.0.92'] })).toBe('here');
  await expect(get({ url: ['amqp://127.0.0.91', 'amqp://127.0.0.93'] })).rejects.toThrow(
    /127\.0\.0\.91:15672: ECONNREFUSED/,
  );
});
