import type { ServerResponse } from 'node:http';
import { describe, expect, inject, test } from 'vitest';
import { describeTaskQueue, listTaskQueues } from '../../src/index.ts';
import { verifySameBroker } from '../../src/management/same-broker.ts';
import { type ApiProxyOptions, decodedPath, proxyApi } from '../support/api-proxy.ts';
import { newTask, openClient, raw } from '../support/tasks.ts';
import { callApi, newVhost } from '../support/vhost.ts';

async function list(options: object): Promise<string[]> {
  const ids: string[] = [];
  for await (const page of listTaskQueues({ url: inject('url'), ...options }))
    ids.push(...page.map(({ taskId }) => taskId));
  return ids;
}

async function taskWithMessage(): Promise<string> {
  const task = newTask();
  await openClient().publish(task, raw('x'));
  return task;
}

const html = (status: number, headers: Record<string, string> = {}): ApiProxyOptions => ({
  answer: (_, response: ServerResponse) => {
    response
      .writeHead(status, { 'content-type': 'text/html', ...headers })
      .end('<html><body><h1>Sign in</h1></body></html>');
    return true;
  },
});

test.each<[string, ApiProxyOptions, string]>([
  ['that puts the API below a path', { path: (path) => path.replace(/^\/rabbit/, '') }, '/rabbit'],
  [
    'with a path that has /api in it',
    { path: (path) => path.replace(/^\/api\/rabbit/, '') },
    '/api/rabbit/api',
  ],
  ['that packs all answers', { gzip: true }, ''],
])('works behind a proxy %s', async (_, options, path) => {
  const task = await taskWithMessage();
  const apiUrl = `${await proxyApi(options)}${path}`;
  for (const source of ['counted', 'both', 'statistics'] as const)
    expect(await list({ apiUrl, source })).toContain(task);
  expect(await list({ apiUrl, glob: task })).toEqual([task]);
  expect(await describeTaskQueue(task, { url: inject('url'), apiUrl })).toMatchObject({ taskId: task });
  expect(await verifySameBroker({ url: inject('url'), apiUrl })).toBe(true);
});

test.each<[string, ApiProxyOptions, { code: string; message: RegExp; hint: RegExp }]>([
  [
    'a login page, 200',
    html(200),
    { code: 'API_UNAVAILABLE', message: /answers, but not with JSON/, hint: /is apiUrl right/ },
  ],
  ...[301, 302, 303, 307, 308].map(
    (status): [string, ApiProxyOptions, { code: string; message: RegExp; hint: RegExp }] => [
      `a redirect, ${status}`,
      html(status, { location: 'https://u:s3cret@elsewhere/api/' }),
      {
        code: 'API_UNAVAILABLE',
        message: new RegExp(`redirects to https://\\*\\*\\*@elsewhere/api/ \\(${status}\\)`),
        hint: /final address/,
      },
    ],
  ),
  [
    'a login of the proxy, 401',
    html(401, { 'www-authenticate': 'Basic realm="x"' }),
    { code: 'AUTHENTICATION_FAILED', message: /or a proxy in front of it, refuses/, hint: /credentials/ },
  ],
  [
    'a proxy that forbids it, 403',
    html(403),
    { code: 'ACCESS_REFUSED', message: /or a proxy in front of it, refuses access/, hint: /proxy/ },
  ],
  [
    'another path, 404',
    html(404),
    { code: 'API_UNAVAILABLE', message: /answered 404, and not with JSON/, hint: /apiUrl/ },
  ],
  ...[502, 503, 504].map(
    (status): [string, ApiProxyOptions, { code: string; message: RegExp; hint: RegExp }] => [
      `an API that is away, ${status}`,
      html(status),
      { code: 'API_UNAVAILABLE', message: /cannot be reached by the proxy/, hint: /see its log/ },
    ],
  ),
  [
    'an answer that stalls',
    { stallsAfter: 20 },
    { code: 'NO_ANSWER', message: /did not answer within 1500 ms/, hint: /apiTimeoutMs/ },
  ],
])('%s is said as what it is', async (_, options, { code, message, hint }) => {
  await taskWithMessage();
  const apiUrl = (await proxyApi(options)).replace('//', '//guest:guest@');
  const timeout = code === 'NO_ANSWER' ? { apiTimeoutMs: 1_500 } : {};
  for (const glob of ['*', 'task-*']) {
    const failure = await list({ apiUrl, glob, ...timeout }).catch((error) => error);
    expect(failure).toMatchObject({
      code,
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
    expect(`${failure.message} ${failure.hint}`).not.toContain('s3cret');
  }
});

describe('behind a proxy that decodes %2F in paths', () => {
  test('the queues of other vhosts are never listed as those of the vhost /', async () => {
    const { url } = await newVhost();
    const foreign = newTask('foreign');
    await openClient({ url }).publish(foreign, raw('x'));
    const task = await taskWithMessage();
    const apiUrl = await proxyApi({ path: decodedPath });
    for (const source of ['counted', 'both', 'statistics'] as const) {
      const ids = await list({ apiUrl, source });
      expect(ids).toContain(task);
      expect(ids).not.toContain(foreign);
    }
    // As that is all that matches, nobody knows whether there are more.
    await expect(list({ apiUrl, glob: foreign })).rejects.toMatchObject({ code: 'TARGET_MISMATCH' });
  });

  test('nothing of another vhost is taken for the queue of a task', async () => {
    const name = `test-a/b`;
    await callApi('PUT', `vhosts/${encodeURIComponent(name)}`);
    await callApi('PUT', 'vhosts/test-a');
    try {
      const url = `${inject('url')}/${encodeURIComponent(name)}`;
      await openClient({ url }).publish('t', raw('x'));
      // What the proxy asks for in place of that vhost.
      await callApi('PUT', 'queues/test-a/b', { durable: true });
      const apiUrl = await proxyApi({ path: decodedPath });
      await expect(list({ url, apiUrl })).rejects.toMatchObject({
        code: 'API_UNAVAILABLE',
        message: expect.stringContaining('did not answer a list request with a list'),
      });
      await expect(list({ url, apiUrl, glob: 't*' })).rejects.toMatchObject({ code: 'API_UNAVAILABLE' });
      const described = await describeTaskQueue('t', { url, apiUrl }).catch((error) => error.code);
      expect(['API_UNAVAILABLE', 'TARGET_MISMATCH', undefined]).toContain(described);
    } finally {
      await callApi('DELETE', `vhosts/${encodeURIComponent(name)}`);
      await callApi('DELETE', 'vhosts/test-a');
    }
  });
});
