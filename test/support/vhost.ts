import { randomUUID } from 'node:crypto';
import { inject, onTestFinished } from 'vitest';

/**
 * A vhost of one test alone, where it may count queues and connections; gone after the test, or with `stopAfterFile`
 * (broker.ts) after the file. The settings are RabbitMQ's.
 */
export async function newVhost(
  settings?: object,
  atEnd: (remove: () => Promise<void>) => void = onTestFinished,
): Promise<{ url: string; queueNames(): Promise<string[]> }> {
  const name = `test-${randomUUID()}`;
  await callApi('PUT', `vhosts/${name}`, settings);
  atEnd(async () => {
    await callApi('DELETE', `vhosts/${name}`);
  });
  return {
    url: `${inject('url')}/${name}`,
    async queueNames() {
      const queues = await callApi('GET', `queues/${name}?columns=name`);
      return ((await queues.json()) as { name: string }[]).map((queue) => queue.name);
    },
  };
}

/** A vhost with a user who has these permissions there, or no access to it at all. */
export async function vhostWithUser(
  permissions?: { configure: string; write: string; read: string },
  tags = '',
) {
  const { url } = await newVhost();
  const vhost = new URL(url).pathname.slice(1);
  const user = `user-${randomUUID()}`;
  await callApi('PUT', `users/${user}`, { password: 'pw', tags });
  onTestFinished(async () => void (await callApi('DELETE', `users/${user}`)));
  if (permissions) await callApi('PUT', `permissions/${vhost}/${user}`, permissions);
  return { url, vhost, user, userUrl: url.replace('//', `//${user}:pw@`) };
}

/** A request to the management API of the test broker, or of another one, as its administrator. */
export async function callApi(
  method: string,
  path: string,
  body?: unknown,
  apiUrl = inject('apiUrl'),
): Promise<Response> {
  const response = await fetch(`${apiUrl.replace(/\/\/.*@/, '//')}/api/${path}`, {
    method,
    headers: { authorization: `Basic ${btoa('guest:guest')}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response;
}
