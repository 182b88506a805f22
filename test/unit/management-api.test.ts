import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { describeTaskQueue, findIdleTaskQueues, listTaskQueues } from '../../src/index.ts';
import { readClusterOverview } from '../../src/management/cluster-overview.ts';
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
  return api.get('queues/v', { page: 1 });
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
  ['HTML', (_, response) => void response.end('<html>hello</html>'), 'API_UNAVAILABLE', /not with JSON/],
  ['an error of its own', json(500, { reason: 'boom' }), 'API_UNAVAILABLE', /500 \(boom\)/],
  ['"starting up"', (_, response) => void response.writeHead(503).end(), 'API_UNAVAILABLE', /503/],
  ['401', json(401, { reason: 'Login failed' }), 'AUTHENTICATION_FAILED', /password/],
  [
    '401 for want of the tag',
    json(401, { reason: 'Not management user' }),
    'ACCESS_REFUSED',
    /Not management/,
  ],
  [
    '401 for want of permissions on the vhost',
    json(401, { reason: 'User not authorised to access virtual host' }),
    'ACCESS_REFUSED',
    /refuses access \(User not authorised/,
  ],
  ['403', json(403, {}), 'ACCESS_REFUSED', /refuses access/],
  ['404', json(404, { reason: 'Not Found' }), 'VHOST_NOT_FOUND', /vhost "v"/],
  [
    'half of it',
    (_, response) =>
      void response.writeHead(200, { 'content-length': 9 }).write('{', () => response.destroy()),
    'API_UNAVAILABLE',
    /closed the connection before completing its answer/,
  ],
  ['nothing', () => {}, 'NO_ANSWER', /did not answer within 300 ms/],
  [
    'one byte at a time, without end',
    (_, response) => {
      const drip = setInterval(() => response.write(' '), 50);
      response.on('close', () => clearInterval(drip));
    },
    'NO_ANSWER',
    /did not answer/,
  ],
])('an answer of %s is reported by its cause', async (_, answer, code, message) => {
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

test.each(['gzip', 'GZIP', 'x-gzip'])(
  'an answer is unpacked that nobody asked to pack: %s',
  async (encoding) => {
    const asked: unknown[] = [];
    const apiUrl = await listen(({ headers }, response) => {
      asked.push(headers['accept-encoding']);
      response.writeHead(200, { 'content-encoding': encoding }).end(gzipSync('[{"name":"a"}]'));
    });
    expect(await get({ apiUrl })).toEqual([{ name: 'a' }]);
    expect(await items({ apiUrl })).toEqual([{ name: 'a' }]);
    expect(asked).toEqual(['identity', 'identity']);
  },
);

test.each<[string, RequestListener, string, RegExp]>([
  [
    'a login page',
    (_, response) => void response.writeHead(302, { location: '/login' }).end(),
    'API_UNAVAILABLE',
    /redirects to \/login \(302\)/,
  ],
  [
    'a proxy that wants a password',
    (_, response) => void response.writeHead(401).end('<html>'),
    'AUTHENTICATION_FAILED',
    /or a proxy in front of it, refuses/,
  ],
  [
    'a proxy without the API',
    (_, response) => void response.writeHead(502).end('<html>'),
    'API_UNAVAILABLE',
    /cannot be reached by the proxy/,
  ],
  ['too many', json(429, { reason: 'slow down' }), 'API_UNAVAILABLE', /refuses further requests for now/],
  [
    'too many, by a proxy',
    (_, response) => void response.writeHead(429).end('<html>'),
    'API_UNAVAILABLE',
    /refuses further requests for now/,
  ],
  ['no list', json(200, { items: [] }), 'API_UNAVAILABLE', /did not answer a list request/],
  ['HTML', (_, response) => void response.end('<html>hello</html>'), 'API_UNAVAILABLE', /not with JSON/],
  [
    'no long list',
    (_, response) => void response.write('{"items":', () => response.end('[]}')),
    'API_UNAVAILABLE',
    /did not answer a list request/,
  ],
  [
    'long HTML',
    (_, response) => void response.write('<html>', () => response.end('hello')),
    'API_UNAVAILABLE',
    /did not answer a list request with a list/,
  ],
  [
    'half a list',
    (_, response) => void response.write('[{"name":"a"},', () => response.end()),
    'API_UNAVAILABLE',
    /ends early/,
  ],
  ['403', json(403, {}), 'ACCESS_REFUSED', /refuses access/],
  ['nothing more', (_, response) => void response.write('[{"name":"a"},'), 'NO_ANSWER', /did not answer/],
])('an answer of %s in place of a list is reported by its cause', async (_, answer, code, message) => {
  const apiUrl = await listen(answer);
  await expect(items({ url: 'amqp://localhost', apiUrl, ...timeoutFor(code) })).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
    hint: expect.any(String),
  });
});

const OTHER_JSON = [
  'null',
  '5',
  'true',
  '"x"',
  '[]',
  '{}',
  '[null]',
  '[{}]',
  '[5]',
  '{"items":[null],"page_count":1}',
];

test.each(OTHER_JSON)('%s in place of everything is an answer of something else', async (body) => {
  const inChunks = await listen((_, response) => void response.write(' ', () => response.end(body)));
  const atOnce = await listen((_, response) => void response.end(body));
  for (const apiUrl of [inChunks, atOnce]) {
    const options = { url: 'amqp://localhost', apiUrl };
    const list = async (more: object) => {
      for await (const _ of listTaskQueues({ ...options, ...more }));
    };
    const asked = [
      () => readClusterOverview(options),
      () => describeTaskQueue('a', options),
      () => list({ glob: 'a*' }),
      () => list({ source: 'statistics' }),
      () => list({ source: 'both' }),
    ];
    for (const ask of asked) {
      const failure = await ask().catch((error) => error);
      // An empty list is one.
      if (body === '[]' && failure === undefined) continue;
      expect(['API_UNAVAILABLE', 'TARGET_MISMATCH']).toContain(failure?.code);
    }
  }
});

test('an answer without end is refused before it fills the memory', async () => {
  const block = Buffer.alloc(1024 * 1024, ' ');
  const apiUrl = await listen((_, response) => {
    const more = () => {
      while (response.write(block));
    };
    response.on('drain', more);
    more();
  });
  await expect(get({ apiUrl })).rejects.toMatchObject({ code: 'TARGET_MISMATCH' });
});

test('the address in the documentation, which ends with /api, leads to the same place', async () => {
  const seen: (string | undefined)[] = [];
  const origin = await listen(({ url }, response) => {
    seen.push(url);
    json(200, {})({ url } as never, response as never);
  });
  for (const end of ['', '/', '/api', '/api/', '/rabbit', '/rabbit/api/'])
    await get({ apiUrl: origin + end });
  expect(seen).toEqual([
    ...Array(4).fill('/api/queues/v?page=1'),
    ...Array(2).fill('/rabbit/api/queues/v?page=1'),
  ]);
});

test.each([
  ['http://u:4711/s3cret@h', 'an @ after a slash'],
  ['http://u:s3cret@h:port', 'must be followed by a host'],
  ['"http://u:s3cret@h"', 'it is in quotes'],
  ['u:s3cret@h', 'does not begin with http://'],
  ['http://h/?s3cret', 'it has a ? or #'],
])('the API URL %s is refused, and its password not repeated', async (apiUrl, reason) => {
  const failure = (await get({ apiUrl }).catch((error) => error)) as { message: string; hint: string };
  expect(failure).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(reason) });
  expect(failure.message + failure.hint).not.toContain('s3cret');
});

/** As a proxy has it that decodes the path of the vhost `/`. */
const ofVhosts = (...vhosts: string[]) =>
  json(
    200,
    vhosts.map((vhost, index) => ({ name: `mcp:queue:${index}`, vhost, messages_ready: 0 })),
  );

test('https:// to a port without TLS is said in words', async () => {
  const apiUrl = (await listen(json(200, {}))).replace('http:', 'https:');
  const failure = (await get({ apiUrl }).catch((error) => error)) as { message: string };
  expect(failure).toMatchObject({ code: 'TLS_FAILED', hint: expect.stringContaining('http:// for the API') });
  expect(failure.message).toMatch(/: the port does not speak TLS$/);
});

test('queues of other vhosts are left out, and never all there is', async () => {
  const list = async (answer: RequestListener, source: 'counted' | 'both') => {
    const ids: string[] = [];
    const options = { apiUrl: await listen(answer), source };
    for await (const page of listTaskQueues(options)) ids.push(...page.map(({ taskId }) => taskId));
    return ids;
  };
  for (const source of ['counted', 'both'] as const) {
    expect(await list(ofVhosts('a', '/', 'b', '/'), source)).toEqual(['1', '3']);
    expect(await list(ofVhosts('/', '/'), source)).toEqual(['0', '1']);
    expect(await list(ofVhosts(), source)).toEqual([]);
    await expect(list(ofVhosts('a', 'b'), source)).rejects.toMatchObject({ code: 'TARGET_MISMATCH' });
  }
});

test('a port that takes no connection is given up by the connect timeout', async () => {
  // A TLS handshake that nobody answers is no connection either.
  const server = createTcpServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const apiUrl = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await expect(get({ apiUrl, connectTimeoutMs: 300 })).rejects.toMatchObject({
    code: 'API_UNAVAILABLE',
    message: expect.stringContaining('no connection within 300 ms'),
  });
});

test('what is not known of queues is left out of those to prune, and counted', async () => {
  const idle = {
    idle_since: '2020-01-01T00:00:00.000+00:00',
    consumers: 0,
    messages_ready: 0,
    messages_unacknowledged: 0,
  };
  const { idle_since: _, ...busy } = idle;
  const queues = [
    { type: 'classic', ...idle },
    { type: 'classic' },
    { type: 'classic', ...busy },
    { type: 'classic', ...busy, consumers: 1 },
    { type: 'classic', messages_ready: 3 },
    { type: 'quorum', ...idle },
    { type: 'stream' },
  ].map((queue, index) => ({ name: `mcp:queue:${index}`, vhost: '/', ...queue }));
  const leftOut: unknown[] = [];
  const found = [];
  const options = {
    apiUrl: await listen(json(200, queues)),
    onLeftOut: (counts: object) => leftOut.push(counts),
  };
  for await (const page of findIdleTaskQueues(options)) found.push(...page.map(({ taskId }) => taskId));
  expect(found).toEqual(['0']);
  expect(leftOut).toEqual([{ unknown: 2, beyondHistory: 0, otherTypes: 2 }]);
});

test.each([
  ['behind', -7_200_000],
  ['ahead of', 7_200_000],
])('a queue is as idle as it is by the clock of the broker, which is %s this one', async (_how, aheadMs) => {
  const brokerTime = (agoMs: number) => new Date(Date.now() + aheadMs - agoMs);
  const queue = (name: string, agoMs: number) => ({
    name: `mcp:queue:${name}`,
    ...{ type: 'classic', messages_ready: 0, messages_unacknowledged: 0, consumers: 0 },
    idle_since: brokerTime(agoMs).toISOString(),
  });
  const apiUrl = await listen((_, response) => {
    response.setHeader('date', brokerTime(0).toUTCString());
    response.end(JSON.stringify([queue('a', 5_400_000), queue('b', 1_000)]));
  });
  const found: string[] = [];
  for await (const page of findIdleTaskQueues({ apiUrl, idleMs: 3_600_000 }))
    found.push(...page.map(({ taskId }) => taskId));
  expect(found).toEqual(['a']);
});

test('a list is streamed as it arrives, in pieces of any size, at the pace of its reader', async () => {
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
  // Longer than a machine stalls.
  const apiTimeoutMs = 3_000;
  const api = new ManagementApi({ apiUrl, apiTimeoutMs });
  onTestFinished(() => api.close());
  const seen: unknown[] = [];
  for await (const some of api.items('queues')) {
    if (seen.length === 0) await new Promise((resolve) => setTimeout(resolve, apiTimeoutMs * 1.1));
    seen.push(...some);
    if (seen.length === list.length) noteRead();
  }
  expect(seen).toEqual(list);
});

test('a short list is returned at once', async () => {
  const apiUrl = await listen(json(200, [{ name: 'a' }, { name: 'b' }]));
  expect(await items({ apiUrl })).toEqual([{ name: 'a' }, { name: 'b' }]);
});

test('credentials are those of its own URL, else the broker URL’s, else guest', async () => {
  const origin = await listen((request, response) => {
    const [, secret = ''] = request.headers.authorization?.split(' ') ?? [];
    response.end(JSON.stringify([Buffer.from(secret, 'base64').toString()]));
  });
  const url = 'amqp://a%C3%BC:p%40w@localhost';
  expect(await get({ url, apiUrl: origin.replace('://', '://me:%C3%BC@') })).toEqual(['me:ü']);
  expect(await get({ url, apiUrl: origin })).toEqual(['aü:p@w']);
  expect(await get({ apiUrl: origin })).toEqual(['guest:guest']);
  await expect(get({ apiUrl: origin.replace('://', '://me:%zz@') })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  });
});

test('it may lie below a path', async () => {
  const origin = await listen((request, response) => void response.end(JSON.stringify([request.url])));
  expect(await get({ apiUrl: `${origin}/rabbit` })).toEqual(['/rabbit/api/queues/v?page=1']);
});

test('the nodes of a cluster are tried in turn', async ({ skip }) => {
  const server = createServer(json(200, ['here']));
  onTestFinished(() => void server.close());
  const isFree = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false)).listen(15672, '127.0.0.92', () => resolve(true));
  });
  if (!isFree) skip('the port of the management API is taken, or this system has one loopback address only');
  expect(await get({ url: ['amqp://127.0.0.91', 'amqp://127.0.0.92'] })).toEqual(['here']);
  await expect(get({ url: ['amqp://127.0.0.91', 'amqp://127.0.0.93'] })).rejects.toThrow(
    /127\.0\.0\.91:15672: nothing listens there/,
  );
});

test('an exchange whose statistics are null has published nothing', async () => {
  const exchange = { name: 'guest', type: 'topic', durable: true, message_stats: null };
  const apiUrl = await listen((request, response) =>
    json(200, request.url?.includes('/nodes') ? [] : exchange)(request, response),
  );
  const { events } = await readClusterOverview({ apiUrl });
  expect(events).toMatchObject({ obstacle: undefined, published: 0 });
});
