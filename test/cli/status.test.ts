import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { expect, inject, onTestFinished, test } from 'vitest';
import { runCli } from '../support/cli.ts';
import { openClient, raw } from '../support/tasks.ts';
import { callApi, newVhost } from '../support/vhost.ts';

const WITHOUT_TASKS = { MCP_TASKQ_API_URL: inject('apiUrl') };

test('all is well: status 0, with the broker, the user and the tasks', async () => {
  const { url } = await newVhost();
  const client = openClient({ url });
  for (const task of ['a', 'b']) await client.publish(task, raw('x'));
  const { status, stdout } = await runCli(['status'], { env: { ...WITHOUT_TASKS, MCP_TASKQ_URL: url } });
  expect(status).toBe(0);
  const found = JSON.parse(stdout);
  expect(found).toMatchObject({
    ok: true,
    problems: [],
    broker: {
      host: '127.0.0.1',
      vhost: new URL(url).pathname.slice(1),
      url_from: 'MCP_TASKQ_URL',
      context: null,
    },
    user: 'guest',
    permissions: { configure: true, write: true, read: true, publish_events: true, watch: true },
    alarms: [],
    api: { reachable: true, same_cluster: true, error: null },
    tasks: { queues: 2 },
  });
});

test('it creates nothing, also in a vhost that is empty', async () => {
  const { url, queueNames } = await newVhost();
  expect((await runCli(['status', '-u', url])).status).toBe(0);
  expect(await queueNames()).toEqual([]);
});

test('--timeout ends the listening, but not the report', async () => {
  const { url } = await newVhost();
  const { status, stdout } = await runCli(['status', '--listen', '1m', '--timeout', '10s', '-u', url]);
  expect(status).toBe(124);
  const { ok, events } = JSON.parse(stdout);
  expect({ ok, heard: events.heard }).toEqual({ ok: true, heard: 0 });
});

test('an exchange that is not one for events is a problem (1)', async () => {
  const { url } = await newVhost();
  const exchange = `exchanges/${new URL(url).pathname.slice(1)}/mcp:events`;
  await callApi('PUT', exchange, { type: 'direct', durable: true });
  const { status, stdout } = await runCli(['status', '-u', url]);
  expect(status).toBe(1);
  expect(JSON.parse(stdout).problems).toEqual([
    {
      problem: expect.stringMatching(/^The exchange mcp:events is a direct exchange/),
      hint: expect.any(String),
    },
  ]);
  await callApi('DELETE', exchange);
  for (const [difference, said] of [
    [{ internal: true }, 'a topic exchange, internal,'],
    [{ auto_delete: true }, 'a topic exchange, auto-delete,'],
    [{ arguments: { 'alternate-exchange': 'x' } }, 'a topic exchange, with the argument alternate-exchange,'],
  ] as const) {
    await callApi('PUT', exchange, { type: 'topic', durable: true, ...difference });
    const { status, stdout } = await runCli(['status', '-u', url]);
    expect(status).toBe(1);
    expect(JSON.parse(stdout).problems).toEqual([
      expect.objectContaining({ problem: expect.stringContaining(`mcp:events is ${said}`) }),
    ]);
    await callApi('DELETE', exchange);
  }
  await openClient({ url }).publish('a', raw('x'));
  // The one that a publisher creates.
  expect((await runCli(['status', '-u', url])).status).toBe(0);
});

test('a vhost in which task queues become streams is a problem (1)', async () => {
  // As RabbitMQ 3.10 calls it, and later versions.
  const { url } = await newVhost({ defaultqueuetype: 'stream', default_queue_type: 'stream' });
  const vhost = new URL(url).pathname.slice(1);
  const { status, stdout } = await runCli(['status', '-u', url]);
  expect(status).toBe(1);
  expect(JSON.parse(stdout).problems).toEqual([
    {
      problem: expect.stringMatching(/^The default queue type of vhost \S+ is stream/),
      hint: expect.stringContaining(`${vhost} --default-queue-type classic`),
    },
  ]);
});

test('says who named the broker', async () => {
  const from = async (args: string[], env: Record<string, string | undefined>) =>
    JSON.parse((await runCli(['status', '--no-api', ...args], { env })).stdout).broker.url_from;
  expect(await from(['-u', inject('url')], {})).toBe('--url');
  expect(await from([], { MCP_TASKQ_URL: undefined, AMQP_URL: inject('url') })).toBe('AMQP_URL');
});

test('a missing permission is a problem (1), named with its pattern', async () => {
  const { url } = await newVhost();
  const name = `user-${randomUUID()}`;
  await callApi('PUT', `users/${name}`, { password: 'p', tags: '' });
  onTestFinished(async () => void (await callApi('DELETE', `users/${name}`)));
  const permissions = { configure: '', write: '.*', read: '.*' };
  await callApi('PUT', `permissions/${new URL(url).pathname.slice(1)}/${name}`, permissions);
  const env = { MCP_TASKQ_URL: url.replace('amqp://', `amqp://${name}:p@`) };
  const { status, stdout, stderr } = await runCli(['status', '--no-api', '-o', 'table'], { env });
  expect(stderr).toContain(
    `${name} lacks permissions in vhost ${new URL(url).pathname.slice(1)}: configure on mcp:queue:*`,
  );
  expect(stderr).toContain('hint: rabbitmqctl set_permissions');
  expect(stdout).toMatch(/not: +create and delete queues, watch/);
  expect(status).toBe(1);
});

test('an API that is away is a problem (1), unless it is not to be asked', async () => {
  const env = { MCP_TASKQ_API_URL: 'http://127.0.0.1:1' };
  const { status, stdout } = await runCli(['status'], { env });
  expect(JSON.parse(stdout)).toMatchObject({ ok: false, api: { reachable: false }, tasks: null });
  expect(status).toBe(1);
  expect(await runCli(['status', '--no-api'], { env })).toMatchObject({ status: 0 });
});

test('an API of another cluster is a problem (1)', async () => {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '', 'http://x').pathname;
    const answers: Record<string, unknown> = {
      '/api/overview': {
        cluster_name: 'rabbit@elsewhere',
        rabbitmq_version: '3.10.8',
        node: 'rabbit@elsewhere',
      },
      '/api/whoami': { name: 'guest', tags: ['administrator'] },
    };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answers[path] ?? []));
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  const { status, stderr } = await runCli(['status', '--api-url', `http://127.0.0.1:${port}`]);
  expect(stderr).toContain('belongs to the cluster "rabbit@elsewhere"');
  expect(status).toBe(1);
});

test('a broker that is away is 7, one that refuses is 4, and JSON comes in any case', async () => {
  const away = await runCli(['status', '-u', 'amqp://127.0.0.1:1']);
  expect(away.status).toBe(7);
  expect(JSON.parse(away.stdout)).toMatchObject({ ok: false, problems: [{ code: 'CONNECTION_FAILED' }] });
  const env = { MCP_TASKQ_URL: inject('url').replace('amqp://', 'amqp://nobody:hunter2@') };
  const refused = await runCli(['status', '--json'], { env });
  expect(refused.status).toBe(4);
  expect(JSON.parse(refused.stdout)).toMatchObject({
    ok: false,
    problems: [{ code: 'AUTHENTICATION_FAILED' }],
  });
  expect(refused.stdout + refused.stderr).not.toContain('hunter2');
});
