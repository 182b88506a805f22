import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { ManagementApi, type ManagementApiOptions } from '../../src/management/management-api.ts';

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

async function items(options: ManagementApiOptions): Promise<unknown[]> {
  const api = new ManagementApi(options);
  onTestFinished(() => api.close());
  const all: unknown[] = [];
  for await (const some of api.items('queues')) all.push(...some);
  return all;
}

/** Short where it is to pass, and nowhere else: a busy machine is no broker that does not answer. */
const timeoutFor = (code: string) => (code === 'NO_ANSWER' ? { apiTimeoutMs: 300 } : {});

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
    /broke off its answer/,
  ],
  ['nothing', () => {}, 'NO_ANSWER', /did not answer within 300 ms/],
  [
    'bit by bit, for ever',
    (_, response) => {
      const drip = setInterval(() => response.write(' '), 50);
      response.on('close', () => clearInterval(drip));
    },
    'NO_ANSWER',
    /did not answer/,
  ],
])('an answer of %s is told as what it is', async (_, answer, code, message) => {
  const origin = await listen(answer);
  const apiUrl = origin.replace('://', '://me:s3cret@');
  const options = { url: 'amqp://localhost/v', apiUrl, ...timeoutFor(code) };
  await expect(get(options)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
    hint: expect.any(String),
  });
  await expect(get(options)).rejects.not.toThrow(/s3cret/);
});

test.each<[string, RequestListener, string, RegExp]>([
  ['no list', json(200, { items: [] }), 'API_UNAVAILABLE', /No JSON array/],
  ['HTML', (_, response) => void response.end('<html>hello</html>'), 'API_UNAVAILABLE', /no JSON/],
  [
    'no long list',
    (_, response) => void response.write('{"items":', () => response.end('[]}')),
    'API_UNAVAILABLE',
    /No JSON array/,
  ],
  [
    'long HTML',
    (_, response) => void response.write('<html>', () => response.end('hello')),
    'API_UNAVAILABLE',
    /broke off/,
  ],
  [
    'half a list',
    (_, response) => void response.write('[{"name":"a"},', () => response.end()),
    'API_UNAVAILABLE',
    /ends early/,
  ],
  ['403', json(403, {}), 'ACCESS_REFUSED', /refuses access/],
  ['nothing more', (_, response) => void response.write('[{"name":"a"},'), 'NO_ANSWER', /did not answer/],
])('in place of a list an answer of %s is told as what it is', async (_, answer, code, message) => {
  const apiUrl = await listen(answer);
  await expect(items({ url: 'amqp://localhost', apiUrl, ...timeoutFor(code) })).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
    hint: expect.any(String),
  });
});

test('a list is told as it comes, whatever it is cut into, and a slow reader is waited for', async () => {
  const list = [{ name: 'ünï "},{"' }, { name: '\\' }, { name: '}', deep: [{ a: '[' }] }];
  let noteRead = () => {};
  const isRead = new Promise<void>((resolve) => {
    noteRead = resolve;
  });
  const apiUrl = await listen(async (_, response) => {
    for (const byte of Buffer.from(JSON.stringify(list).slice(0, -1))) {
      response.write(Buffer.of(byte));
      await new Promise(setImmediate);
    }
    // What comes only now is waited for, however late it is.
    await isRead;
    setTimeout(() => response.end(']'), 50);
  });
  const apiTimeoutMs = 1_000;
  const api = new ManagementApi({ apiUrl, apiTimeoutMs });
  onTestFinished(() => api.close());
  const seen: unknown[] = [];
  for await (const some of api.items('queues')) {
    seen.push(...some);
    await new Promise((resolve) => setTimeout(resolve, apiTimeoutMs * 1.1));
    if (seen.length === list.length) noteRead();
  }
  expect(seen).toEqual(list);
});

test('a short list is told at once', async () => {
  const apiUrl = await listen(json(200, [{ name: 'a' }, { name: 'b' }]));
  expect(await items({ apiUrl })).toEqual([{ name: 'a' }, { name: 'b' }]);
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
