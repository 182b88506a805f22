import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sharedBroker } from '../support/broker.ts';
import { packInto, runIn } from '../support/packed-package.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A folder that has the package as its users get it, and nothing else. */
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcp-taskq-package-'));
  const tarball = await packInto(folder);
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  await run('npm', ['install', '--omit=dev', '--no-audit', '--no-fund', '--prefer-offline', `./${tarball}`]);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function run(program: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  return runIn(folder, program, args, env);
}

function node(code: string, env?: NodeJS.ProcessEnv) {
  return run(process.execPath, ['--input-type=module', '--eval', code], env);
}

test('the installed package has what it needs and no development dependency', async () => {
  const installed = await readdir(join(folder, 'node_modules'));
  expect(installed).toContain('amqplib');
  for (const name of ['typescript', 'vitest', '@types', '@modelcontextprotocol']) {
    expect(installed).not.toContain(name);
  }
  const published = await readdir(join(folder, 'node_modules', 'mcp-taskq'));
  expect(published.toSorted()).toEqual(
    ['CHANGELOG.md', 'LICENSE', 'README.md', 'bin', 'completions', 'dist', 'package.json'].toSorted(),
  );
  const built = await readdir(join(folder, 'node_modules', 'mcp-taskq', 'dist'));
  expect(
    built.filter((name) => name.startsWith('.')),
    'what only the build needs',
  ).toEqual([]);
});

test('mcp-taskq runs from it: npx prints its version, and it enqueues and peeks on a broker', async () => {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  expect((await run('npx', ['mcp-taskq', '--version'])).stdout).toBe(`${version}\n`);

  // What npx runs, without the second that npx takes.
  const runCommand = (args: string[]) =>
    run(join(folder, 'node_modules', '.bin', 'mcp-taskq'), args, { MCP_TASKQ_URL: sharedBroker().url });
  const taskId = `packed-${process.pid}-${Date.now()}`;
  const message = '{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"packed"}}';
  await runCommand(['enqueue', taskId, message]);
  const { stdout } = await runCommand(['peek', taskId]);
  expect(JSON.parse(stdout)).toMatchObject({ task_id: taskId, body: { message: JSON.parse(message) } });
  await runCommand(['clear', taskId, '--yes']);
});

test('the library imports from it and works on a broker', async () => {
  const taskId = `imported-${process.pid}-${Date.now()}`;
  const { stdout } = await node(
    `import { RabbitMQTaskMessageQueue } from 'mcp-taskq';
     const queue = new RabbitMQTaskMessageQueue(process.env.BROKER);
     const message = { jsonrpc: '2.0', method: 'notifications/message', params: { data: 'imported' } };
     await queue.enqueue('${taskId}', { type: 'notification', timestamp: Date.now(), message });
     const [queued] = await queue.dequeueAll('${taskId}');
     await queue.close();
     console.log(queued.message.params.data);`,
    { BROKER: sharedBroker().url },
  );
  expect(stdout).toBe('imported\n');
});

test('the private broker is a subpath of its own', async () => {
  const { stdout } = await node(
    `import * as library from 'mcp-taskq';
     import { findServer, startBroker } from 'mcp-taskq/local-broker';
     console.log('startBroker' in library, typeof startBroker, typeof await findServer());
     await startBroker({ port: 70_000 }).catch(({ code }) => console.log(code));`,
  );
  expect(stdout).toMatch(/^false function (object|undefined)\nINVALID_ARGUMENT\n$/);
});

test('what is not exported cannot be imported', async () => {
  const paths = ['dist/index.js', 'cli-support', 'dist/cli-support.js', 'amqp/session'];
  const { stdout } = await node(
    `for (const path of ${JSON.stringify(paths)})
       console.log(await import('mcp-taskq/' + path).then(() => path, ({ code }) => code));`,
  );
  expect(stdout).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED\n'.repeat(paths.length));
});

test('require() works where Node can require ES modules, and says what to do where it cannot', async () => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const canRequire = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22;
  const required = run(process.execPath, ['--print', 'typeof require("mcp-taskq").TaskQueueClient']);
  if (canRequire) expect((await required).stdout).toBe('function\n');
  else {
    await expect(required).rejects.toMatchObject({
      stderr: expect.stringMatching(/ERR_REQUIRE_ESM|dynamic import\(\)/),
    });
  }
});

test('importing the library prints nothing, loads no amqplib, opens nothing and listens to nothing', async () => {
  const { stdout, stderr } = await node(
    `import { createRequire } from 'node:module';
     import { writeSync } from 'node:fs';
     const state = () => ({
       handles: process.getActiveResourcesInfo().filter((name) => name !== 'CloseReq'),
       listeners: process.eventNames().map(String).sort(),
       globals: Object.getOwnPropertyNames(globalThis).sort(),
     });
     // Node opens these itself when it is the first time, as newer ones do on loading node:http.
     void [process.stdout, process.stderr];
     const before = state();
     await import('mcp-taskq');
     const amqplib = Object.keys(createRequire(process.cwd() + '/x.js').cache).filter((file) => /amqplib/.test(file));
     const imported = { before, after: state(), amqplib };
     process.once('exit', () => writeSync(1, JSON.stringify(imported)));`,
  );
  expect(stderr).toBe('');
  const { before, after, amqplib } = JSON.parse(stdout);
  expect(after).toEqual(before);
  expect(amqplib).toEqual([]);
});

test('the declarations compile in a strict project without the MCP SDK and without types of amqplib', async () => {
  const project = join(folder, 'consumer');
  await mkdir(join(project, 'node_modules', '@types'), { recursive: true });
  // Buffer and AbortSignal are Node's, as in every TypeScript project for Node.
  for (const name of ['@types/node', 'undici-types']) {
    await cp(join(root, 'node_modules', name), join(project, 'node_modules', name), { recursive: true });
  }
  await writeFile(
    join(project, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        target: 'es2022',
        lib: ['es2023', 'esnext.disposable'],
        module: 'nodenext',
        types: ['node'],
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        skipLibCheck: false,
        noEmit: true,
      },
      files: ['server.ts'],
    }),
  );
  await writeFile(
    join(project, 'server.ts'),
    `import { type QueuedMessage, RabbitMQTaskMessageQueue, TaskQueueClient, watchTasks } from 'mcp-taskq';
     import { type RunningBroker, startBroker } from 'mcp-taskq/local-broker';
     import { type ReplicaLink, Replicas } from 'mcp-taskq/replicas';
     const queue = new RabbitMQTaskMessageQueue({
       url: 'amqp://localhost',
       events: 'off',
       onStatus: (event) => {
         if (event.type === 'connect-failed') event.retryInMs satisfies number | undefined;
         if ('error' in event) event.error.code satisfies string;
       },
     });
     queue.stats().inFlight.bytes satisfies number;
     const broker: RunningBroker = await startBroker();
     const link: ReplicaLink = new Replicas({ secret: broker.url }).link();
     link.taskMessageQueue satisfies object;
     // @ts-expect-error: for this package alone
     new TaskQueueClient().sendReply;
     const message: QueuedMessage | undefined = await queue.dequeue('task');
     if (message?.type === 'request') message.message.id satisfies string | number;
     await queue.waitForMessage('task', { timeoutMs: 10 });
     for await (const item of watchTasks(new TaskQueueClient(), [])) item.kind satisfies string;
     // @ts-expect-error: a task id is a string; had the types not been found, this would be no error
     await queue.size(42);`,
  );
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { stdout } = await run(process.execPath, [tsc, '--listFiles', '-p', project]).catch((error) => error);
  expect(stdout).not.toMatch(/error TS/);
  expect(stdout).toMatch(/mcp-taskq.*index\.d\.ts/);
  expect(stdout).not.toMatch(/amqplib|modelcontextprotocol/);
});
