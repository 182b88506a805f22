import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { appendFile, open, readdir, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, inject, test } from 'vitest';
import { DrainMarker } from '../../src/cli/output/drain-marker.ts';
import { FileSink } from '../../src/cli/output/file-sink.ts';
import { BIN, cliEnvironment, recordsIn, runCli, startCli, temporaryFolder } from '../support/cli.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { drainedIds, newTask, openClient, raw } from '../support/tasks.ts';
import { killDrain, sizeOf, startUnheardDrain, untilNobodyReads } from '../support/unheard-drain.ts';
import { until } from '../support/until.ts';

/*
 * What a drain leaves behind, whatever ends it: a file of whole records, of exactly the messages that it removed.
 */

const PADDING = 'x'.repeat(500);

/** A task with so many messages, and their `message_id`s in order. */
async function filledTask(count: number, padding = PADDING): Promise<{ task: string; ids: string[] }> {
  const client = openClient();
  const task = newTask();
  const ids = Array.from({ length: count }, () => randomUUID());
  const publish = (message_id: string, n: number) =>
    client.publish(task, {
      body: Buffer.from(JSON.stringify({ n, padding })),
      properties: { delivery_mode: 2, message_id },
    });
  await Promise.all(ids.map(publish));
  return { task, ids };
}

/** The `message_id`s in a file, every line of which is a record. */
async function idsInFile(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8');
  expect(text === '' || text.endsWith('\n')).toBe(true);
  return recordsIn(text).map(({ properties }) => properties.message_id);
}

/** The `message_id`s in a file that is one JSON document. */
async function idsInDocument(file: string): Promise<string[]> {
  const records: { properties: { message_id: string } }[] = JSON.parse(await readFile(file, 'utf8'));
  return records.map(({ properties }) => properties.message_id);
}

async function runShell(command: string): Promise<{ status: number | null; stderr: string }> {
  const child = spawn('bash', ['-c', command], {
    env: cliEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [status] = await once(child, 'close');
  return { status, stderr };
}

const CLI = `"${process.execPath}" "${BIN}"`;

function canMount(): boolean {
  try {
    execFileSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'none', '/mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Runs a command with `$DISK`, a folder of 512 KB, and copies its files to a folder that stays. */
async function onSmallDisk(command: string) {
  const [disk, folder] = [await temporaryFolder(), await temporaryFolder()];
  const outcome = await runShell(
    `unshare -rm bash -c 'mount -t tmpfs -o size=512k none ${disk} || exit 99; export DISK=${disk}
       ${command}
       status=$?; cp ${disk}/* ${folder}; exit $status'`,
  );
  return { ...outcome, folder };
}

// Only Linux shows what other processes have open.
test.skipIf(process.platform !== 'linux')(
  'a file takes the messages of a task from one drain at a time',
  async () => {
    const { task, ids } = await filledTask(3);
    const out = join(await temporaryFolder(), 'file');
    // What a drain does first; commands run in another process.
    const marker = new DrainMarker(out, undefined);
    await marker.begin(task);
    const path = marker.path as string;
    for (const more of [[], ['--append']])
      expect(await runCli(['dequeue', task, '--all', '--out', out, ...more])).toMatchObject({
        status: 2,
        stderr: expect.stringMatching(/^error: Another process is writing .*\nhint: Wait until it ends, or/),
      });
    expect(await openClient().depth(task)).toMatchObject({ messages: ids.length });
    await writeFile(out, '');
    const other = await filledTask(1);
    for (const args of [
      ['enqueue', newTask(), '--from', out],
      ['dequeue', other.task, '--out', out, '--overwrite'],
    ])
      expect(await runCli(args)).toMatchObject({
        status: 2,
        stderr: expect.stringMatching(/has not ended\.\nhint: It is running: wait until it ends\.\n$/),
      });
    expect(existsSync(path)).toBe(true);
    // As when its process has ended before the drain has.
    await marker.leave();
    expect((await runCli(['dequeue', task, '--all', '--out', out, '--append'])).status).toBe(0);
    expect(await idsInFile(out)).toEqual(ids);
    expect(existsSync(path)).toBe(false);
  },
);

test('a file is not replayed if a drain into it begins while it is read', async () => {
  const again = newTask();
  // A named pipe has the command wait in the middle of reading.
  const file = join(await temporaryFolder(), 'file');
  await runShell(`mkfifo ${file}`);
  const replayed = runCli(['enqueue', again, '--from', file]);
  const pipe = await open(file, 'w');
  const marker = new DrainMarker(file, undefined);
  await marker.begin(newTask());
  await pipe.write('{"jsonrpc":"2.0","method":"a"}\n');
  await pipe.close();
  expect(await replayed).toMatchObject({ status: 2, stderr: expect.stringContaining('Nothing was sent: ') });
  await marker.clear();
  expect(await openClient().depth(again)).toBeUndefined();
});

describe.skipIf(!canMount())('a full disk', () => {
  test.each([
    ['--out', (task: string) => `${CLI} dequeue ${task} --all --out $DISK/file`],
    ['>', (task: string) => `${CLI} dequeue ${task} --all > $DISK/file`],
    ['>>', (task: string) => `${CLI} dequeue ${task} --all >> $DISK/file`],
    ['clear --backup', (task: string) => `${CLI} clear ${task} --yes --backup $DISK/file`],
  ])('leaves what was removed in the file of %s, and no more', async (_what, command) => {
    const { task, ids } = await filledTask(800);
    const { status, stderr, folder } = await onSmallDisk(command(task));
    expect(status).toBe(3);
    expect(stderr).toContain('ENOSPC');
    const saved = await idsInFile(join(folder, 'file'));
    expect(saved.length).toBeGreaterThan(0);
    expect(stderr).toContain(`${saved.length} messages were removed`);
    expect([...saved, ...(await drainedIds(task))]).toEqual(ids);
  });

  test('leaves a whole JSON document, and advice that brings the rest', async () => {
    const { task, ids } = await filledTask(800);
    const command = `cd $DISK; ${CLI} dequeue ${task} --all -o json --out file.json`;
    const { status, stderr, folder } = await onSmallDisk(command);
    expect(status).toBe(3);
    const saved = await idsInDocument(join(folder, 'file.json'));
    const advice = /^hint: To resume, into another file: mcp-taskq (.*)$/m.exec(stderr)?.[1]?.split(' ');
    expect((await runCli(advice ?? [], { cwd: folder })).status).toBe(0);
    expect([...saved, ...(await idsInDocument(join(folder, 'file.rest.json')))]).toEqual(ids);
  });

  test.each(['>', '>>'])('leaves a whole JSON document behind %s, and so does what has room', async (to) => {
    const { task, ids } = await filledTask(800);
    const drain = `${CLI} dequeue ${task} --all -o json ${to}`;
    const { status, folder } = await onSmallDisk(`${drain} $DISK/file`);
    expect(status).toBe(3);
    expect((await runShell(`${drain} ${folder}/rest`)).status).toBe(0);
    const [saved, rest] = [
      await idsInDocument(join(folder, 'file')),
      await idsInDocument(join(folder, 'rest')),
    ];
    expect(saved.length).toBeGreaterThan(0);
    expect([...saved, ...rest]).toEqual(ids);
  });

  test('that the advice is followed on holds each message once', async () => {
    const { task, ids } = await filledTask(800);
    const { stderr, folder } = await onSmallDisk(
      `cd $DISK; ${CLI} dequeue ${task} --filter true --all --out file --prefix mcp:queue:`,
    );
    const advice = /^hint: To resume: mcp-taskq (.*)$/m.exec(stderr)?.[1]?.split(' ') ?? [];
    // With all its options: it is about the same messages of the same broker.
    const given = ['dequeue', task, '--filter', 'true', '--all', '--out', 'file', '--prefix', 'mcp:queue:'];
    expect(advice).toEqual([...given, '--append']);
    expect((await runCli(advice, { cwd: folder })).status).toBe(0);
    expect(await idsInFile(join(folder, 'file'))).toEqual(ids);
  });

  test('from the start leaves no file in the way of the next try', async () => {
    const { task, ids } = await filledTask(20);
    const { status, folder } = await onSmallDisk(
      `head -c 600000 /dev/zero > $DISK/other 2> /dev/null; ${CLI} dequeue ${task} --all --out $DISK/file`,
    );
    expect(status).toBe(1);
    await expect(stat(join(folder, 'file'))).rejects.toThrow('ENOENT');
    expect(await drainedIds(task)).toEqual(ids);
  });
});

describe('a drain that is ended', () => {
  const drainInto = (file: string, task: string) => ['dequeue', task, '--all', '--out', file, '--append'];

  test('by SIGKILL is taken up with --append, and says how many of its equal messages may be there twice', async () => {
    const task = newTask();
    const client = openClient();
    const count = 45;
    await Promise.all(Array.from({ length: count }, () => client.publish(task, raw('{}'))));
    const file = join(await temporaryFolder(), 'file');
    expect((await runCli(['dequeue', task, '-n', '5', '--out', file])).status).toBe(0);
    await killDrain(task, file, drainInto(file, task));
    const { status, stderr } = await runCli(drainInto(file, task));
    expect(status).toBe(0);
    const twice = (await idsInFile(file)).length - count;
    expect(twice).toBeGreaterThan(0);
    const said = /^Up to (\d+) messages? may be in .*file twice/m.exec(stderr)?.[1];
    expect(Number(said)).toBeGreaterThanOrEqual(twice);
  });

  test('properly leaves nothing to recognise: the file then holds equal messages again', async () => {
    const task = newTask();
    const folder = await temporaryFolder();
    const file = join(folder, 'file');
    for (const [round, options] of [['--overwrite'], ['--append']].entries()) {
      for (let n = 0; n < 3; n++) {
        const properties = { delivery_mode: 2, message_id: 'heartbeat' };
        await openClient().publish(task, { body: Buffer.from('{}'), properties });
      }
      // Marks the messages as redelivered.
      expect((await runCli(['peek', task, '--all'])).status).toBe(0);
      const { status, stderr } = await runCli(['dequeue', task, '--all', '--out', file, ...options]);
      expect(status).toBe(0);
      expect(stderr).toMatch(/^Removed 3 messages .*\n$/);
      expect(await idsInFile(file)).toHaveLength(3 * (round + 1));
      expect(await readdir(folder)).toEqual(['file']);
    }
  });

  test('by SIGKILL is taken up after another task was drained into the same file', async () => {
    const [one, other] = [await filledTask(20), await filledTask(2)];
    const folder = await temporaryFolder();
    const file = join(folder, 'file');
    expect((await runCli(drainInto(file, other.task))).status).toBe(0);
    await killDrain(one.task, file, drainInto(file, one.task));
    const publish = (message_id: string) =>
      openClient().publish(other.task, { body: Buffer.from('{}'), properties: { message_id } });
    await publish('new');
    for (const { task } of [other, one]) {
      const { status, stderr } = await runCli(drainInto(file, task));
      expect(status).toBe(0);
      expect(stderr).not.toContain('twice');
    }
    const expected = [...one.ids, ...other.ids, 'new'];
    expect((await idsInFile(file)).toSorted()).toEqual(expected.toSorted());
    expect(await readdir(folder)).toEqual(['file']);
  });

  test('by SIGKILL while it waits has nothing in doubt: an equal message is written again', async () => {
    const task = newTask();
    const folder = await temporaryFolder();
    const file = join(folder, 'file');
    const client = openClient();
    await client.publish(task, raw('{}'));
    const child = startCli(['dequeue', task, '-n', '10', '--wait', '60s', '--out', file]);
    const ended = once(child, 'close');
    await until(async () => (await sizeOf(file)) > 0);
    // It waits without a consumer, and has done with what it has written.
    await untilNobodyReads(task);
    await expect.poll(() => readdir(folder)).toEqual(['file']);
    child.kill('SIGKILL');
    await ended;
    await client.publish(task, raw('{}'));
    expect((await runCli(['peek', task])).status).toBe(0);
    const { stderr } = await runCli(['dequeue', task, '--all', '--out', file, '--append']);
    expect(stderr).toMatch(/^Removed 1 message .*\n$/);
    expect(recordsIn(await readFile(file, 'utf8'))).toHaveLength(2);
  });

  describe('by SIGKILL leaves a file', () => {
    /** A file that holds messages which are still in their queue, and the command that continues it. */
    async function unfinishedFile() {
      const { task, ids } = await filledTask(20);
      const folder = await temporaryFolder();
      const file = join(folder, 'file');
      await killDrain(task, file, drainInto(file, task));
      return { task, ids, folder, file };
    }

    const adviceIn = (stderr: string) =>
      /^hint: To resume: mcp-taskq (.*)$/m.exec(stderr)?.[1]?.split(' ') ?? [];

    test('that is not replayed before it is complete, by its name or as the standard input', async () => {
      const { ids, folder, file } = await unfinishedFile();
      const again = newTask();
      const { status, stderr } = await runCli(['enqueue', again, '--from', file]);
      expect(status).toBe(2);
      expect(stderr).toContain(`Nothing was sent: ${file} may hold messages that are still in their queue`);
      const input = await runShell(`${CLI} enqueue ${again} --from - < ${file}`);
      expect(input).toMatchObject({ status: 2, stderr: expect.stringContaining('still in their queue') });
      expect((await runCli(adviceIn(stderr))).status).toBe(0);
      expect(await readdir(folder)).toEqual(['file']);
      expect((await runCli(['enqueue', again, '--from', file])).status).toBe(0);
      expect(await drainedIds(again)).toEqual(ids);
    });

    test('that is replayed unfinished once its marker is deleted', async () => {
      const { file } = await unfinishedFile();
      const again = newTask();
      const { stderr } = await runCli(['enqueue', again, '--from', file]);
      await runShell(/^To do it anyway, first: (.*)$/m.exec(stderr)?.[1] ?? '');
      const cut = (await readFile(file, 'utf8')).replace(/[^\n]*$/, '');
      await writeFile(file, cut);
      expect((await runCli(['enqueue', again, '--from', file])).status).toBe(0);
      expect(await drainedIds(again)).toEqual(await idsInFile(file));
    });

    test('that is known by its marker even if that has no text, unless there is no such file', async () => {
      const { folder, file } = await unfinishedFile();
      const marker = (await readdir(folder)).find((name) => name !== 'file') as string;
      await writeFile(join(folder, marker), '');
      const args = ['enqueue', newTask(), '--from', file];
      expect((await runCli(args)).stderr).toContain(
        `${file} may hold messages that are still in their queue`,
      );
      await unlink(file);
      expect((await runCli(args)).stderr).toContain('ENOENT');
    });

    test.each(['dequeue', 'peek'])('that %s --overwrite leaves alone', async (command) => {
      const { ids, file } = await unfinishedFile();
      const other = await filledTask(1);
      const before = await sizeOf(file);
      const args = [command, other.task, '--out', file, '--overwrite'];
      const { status, stderr } = await runCli(args);
      expect(status).toBe(2);
      expect(stderr).toContain('Not overwritten: ');
      expect(await sizeOf(file)).toBe(before);
      expect((await runCli(adviceIn(stderr))).status).toBe(0);
      expect(await idsInFile(file)).toEqual(ids);
      expect((await runCli(args)).status).toBe(0);
      expect(await idsInFile(file)).toEqual(other.ids);
    });

    test('of clear --backup that is not replayed either', async () => {
      const { task } = await filledTask(20);
      const file = join(await temporaryFolder(), 'file');
      await killDrain(task, file, ['clear', task, '--yes', '--backup', file]);
      const { status, stderr } = await runCli(['enqueue', task, '--from', file]);
      expect(status).toBe(2);
      expect(stderr).toContain(`its drain of task ${task} has not ended`);
    });

    test('that is complete once its task is seen to be empty', async () => {
      const { task, folder, file } = await unfinishedFile();
      await drainedIds(task);
      expect((await runCli(drainInto(file, task))).status).toBe(0);
      expect(await readdir(folder)).toEqual(['file']);
    });
  });

  // The other signals: test/faults/terminated-drain.test.ts.
  test('by SIGHUP leaves exactly what was removed', async () => {
    const { task, ids } = await filledTask(1_600);
    const folder = await temporaryFolder();
    const file = join(folder, 'file');
    // What comes after the first messages comes late, so that the drain is in the middle then.
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    proxy.fault = { kind: 'late', after: task, ms: 500 };
    const child = startCli(drainInto(file, task), { env: { MCP_TASKQ_URL: proxy.url } });
    const ended = once(child, 'close');
    await until(async () => (await sizeOf(file)) > 0);
    child.kill('SIGHUP');
    const [status] = await ended;
    expect([129, 0]).toContain(status);
    expect(await readdir(folder)).toEqual(['file']);
    expect([...(await idsInFile(file)), ...(await drainedIds(task))]).toEqual(ids);
  });

  test('by a second Ctrl-C leaves whole records', async () => {
    const { task, ids } = await filledTask(20);
    const file = join(await temporaryFolder(), 'file');
    const { child, ended } = await startUnheardDrain(file, drainInto(file, task));
    // The first one waits for RabbitMQ's answer. Two at once may be one.
    await until(() => !child.kill('SIGINT'));
    expect(await ended).toEqual([null, 'SIGINT']);
    const saved = await idsInFile(file);
    expect(saved).toEqual(ids.slice(0, saved.length));
    await untilNobodyReads(task);
    expect(await drainedIds(task)).toEqual(ids);
  });

  test('by a lost connection leaves whole records, and --append brings the rest, each message once', async () => {
    const { task, ids } = await filledTask(20);
    const file = join(await temporaryFolder(), 'file');
    const { child, ended, proxy } = await startUnheardDrain(file, drainInto(file, task));
    let stderr = '';
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    proxy.fault = { kind: 'gone' };
    proxy.reset();
    const [status] = await ended;
    expect([3, 7]).toContain(status);
    if (status === 3) expect(stderr).toMatch(/^hint: To resume: mcp-taskq dequeue .* --append$/m);
    await untilNobodyReads(task);
    expect((await runCli(drainInto(file, task))).status).toBe(0);
    expect(await idsInFile(file)).toEqual(ids);
  });
});

describe('a file that ends in half a record', () => {
  const HALF = '{"task_id":"a","redelivered":false,"prop';

  test.each([
    [
      '--append',
      (file: string, task: string) => runCli(['dequeue', task, '--all', '--out', file, '--append']),
    ],
    ['>>', (file: string, task: string) => runShell(`${CLI} dequeue ${task} --all >> ${file}`)],
  ])('loses the half with %s, which is said', async (_what, drain) => {
    const { task, ids } = await filledTask(2);
    const file = join(await temporaryFolder(), 'file');
    const whole = `${JSON.stringify({ task_id: 'a', properties: { message_id: 'first' }, body: 1 })}\n`;
    await writeFile(file, whole + HALF);
    const { status, stderr } = await drain(file, task);
    expect(status).toBe(0);
    expect(stderr).toContain(
      `ended in an incomplete record (${HALF.length} bytes), which was cut off. If a drain`,
    );
    expect(await idsInFile(file)).toEqual(['first', ...ids]);
  });

  test('is not joined with what another redirection writes after it', async () => {
    const { task } = await filledTask(1);
    const file = join(await temporaryFolder(), 'file');
    await runShell(`(printf '%s' '{"half'; ${CLI} dequeue ${task}) > ${file}`);
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
    expect(lines[0]).toBe('{"half');
    expect(JSON.parse(lines[1] ?? '')).toMatchObject({ body: { n: 0 } });
  });

  test.each([
    ['a carriage return', '\r'],
    ['nothing', ''],
    ['a comma', ','],
  ])(
    'is not one with whole records that another program has joined with %s, which stay',
    async (_what, by) => {
      const { task, ids } = await filledTask(2);
      const file = join(await temporaryFolder(), 'file');
      const record = (id: string) =>
        JSON.stringify({ task_id: 'a', properties: { message_id: id }, body: '{"}' });
      const joined = `${record('first')}${by}${record('second')}${by && `${by}{"half`}`;
      await writeFile(file, joined);
      const replay = await runCli(['enqueue', newTask(), '--from', file]);
      expect([replay.status, replay.stderr]).toEqual([2, expect.not.stringContaining('incomplete')]);
      const appending = await runCli(['dequeue', task, '--all', '--out', file, '--append']);
      expect(appending.status).toBe(2);
      expect(await readFile(file, 'utf8')).toBe(joined);
      expect((await runShell(`${CLI} dequeue ${task} --all >> ${file}`)).status).toBe(0);
      const [first, ...rest] = (await readFile(file, 'utf8')).trimEnd().split('\n');
      expect(first).toBe(joined);
      expect(recordsIn(rest.join('\n')).map(({ properties }) => properties.message_id)).toEqual(ids);
    },
  );

  test('is refused by a replay, which says how to drain the rest and replay the whole of it', async () => {
    const { task, ids } = await filledTask(3);
    const file = join(await temporaryFolder(), 'file');
    expect((await runCli(['dequeue', task, '-n', '2', '--out', file])).status).toBe(0);
    const half = JSON.stringify({ task_id: task, redelivered: false, properties: {} }).slice(0, -2);
    await appendFile(file, half);
    const { status, stderr } = await runCli(['enqueue', newTask(), '--from', file]);
    expect(status).toBe(2);
    expect(stderr).toContain('If a drain was interrupted there');
    const advice = /repairs the file: mcp-taskq ([^;]*);/.exec(stderr)?.[1]?.split(' ') ?? [];
    expect((await runCli(advice)).status).toBe(0);
    expect(await idsInFile(file)).toEqual(ids);
  });

  test('only lacks its line feed when the record is whole', async () => {
    const { task, ids } = await filledTask(1);
    const file = join(await temporaryFolder(), 'file');
    await writeFile(file, JSON.stringify({ task_id: 'a', properties: { message_id: 'first' }, body: 1 }));
    expect((await runCli(['dequeue', task, '--out', file, '--append'])).status).toBe(0);
    expect(await idsInFile(file)).toEqual(['first', ...ids]);
  });

  test('is left alone when it is something else: the advice keeps it', async () => {
    const { task, ids } = await filledTask(1);
    const file = join(await temporaryFolder(), 'file');
    await writeFile(file, 'notes');
    const args = ['dequeue', task, '--out', file, '--append'];
    const { status, stderr } = await runCli(args);
    expect(status).toBe(2);
    expect(stderr).toContain('is incomplete');
    expect(await readFile(file, 'utf8')).toBe('notes');
    const advice = /^hint: To keep it as a line of its own: (.*)$/m.exec(stderr)?.[1] ?? '';
    await runShell(advice);
    expect((await runCli(args)).status).toBe(0);
    const [first, second = ''] = (await readFile(file, 'utf8')).split('\n');
    expect(first).toBe('notes');
    expect(JSON.parse(second).properties.message_id).toBe(ids[0]);
  });
});

test('two drains into one file do not take away from each other', async () => {
  const [one, two] = [await filledTask(1_200), await filledTask(1_200)];
  const file = join(await temporaryFolder(), 'file');
  await writeFile(file, '');
  const drains = [one, two].map(({ task }) => runCli(['dequeue', task, '--all', '--out', file, '--append']));
  for (const { status } of await Promise.all(drains)) expect(status).toBe(0);
  expect((await idsInFile(file)).toSorted()).toEqual([...one.ids, ...two.ids].toSorted());
});

// A record of some MB takes the system a while. Only Linux shows that another process has the file open.
test.skipIf(process.platform !== 'linux').each([
  ['--append', (file: string) => `--out ${file} --append`],
  ['>>', (file: string) => `>> ${file}`],
])('what another process is writing is not taken for incomplete by a drain with %s', async (_what, into) => {
  const { task, ids } = await filledTask(1);
  const file = join(await temporaryFolder(), 'file');
  const record = JSON.stringify({
    task_id: 'a',
    properties: { message_id: 'first' },
    body: PADDING.repeat(20),
  });
  const writer = await open(file, 'a');
  await writer.write(record.slice(0, 100));
  let hasEnded = false;
  const drained = runShell(`exec ${CLI} dequeue ${task} --all ${into(file)}`).finally(() => {
    hasEnded = true;
  });
  let written = 100;
  // It looks at the file within this time, unless the machine is very busy.
  for (const until = performance.now() + 3_000; performance.now() < until && !hasEnded; await sleep(10))
    await writer.write(record.slice(written, ++written));
  await writer.write(`${record.slice(written)}\n`);
  await writer.close();
  expect(await drained).toMatchObject({ status: 0, stderr: expect.not.stringContaining('cut off') });
  expect(await idsInFile(file)).toEqual(['first', ...ids]);
});

test.each([
  ['--append', (file: string) => `--out ${file} --append`],
  ['>>', (file: string) => `>> ${file}`],
])('what a killed drain has left is not joined with what another one writes with %s', async (_what, into) => {
  const { task, ids } = await filledTask(1);
  const file = join(await temporaryFolder(), 'file');
  await writeFile(file, '{}\n');
  const drained = runShell(`exec ${CLI} dequeue ${task} --wait 20s -n 2 ${into(file)}`);
  await until(async () => (await sizeOf(file)) > 3);
  await appendFile(file, '{"task_id":"another","redel');
  await openClient().publish(task, { body: Buffer.from('{}'), properties: { message_id: 'last' } });
  expect(await drained).toMatchObject({ status: 0, stderr: expect.stringContaining('which was cut off') });
  const [, ...records] = recordsIn(await readFile(file, 'utf8'));
  expect(records.map(({ properties }) => properties.message_id)).toEqual([...ids, 'last']);
});

test('what another process has written to a file stays when a drain is ended in the middle of a write', async () => {
  const file = join(await temporaryFolder(), 'file');
  const handle = await open(file, 'a');
  const sink = new FileSink(handle.fd, file, file);
  await sink.write('mine\n');
  sink.keep();
  await appendFile(file, 'other\n');
  await sink.requireIntact();
  const writing = sink.write('x'.repeat(1_000_000));
  expect(sink.rollBack()).toBe(false);
  await writing;
  await handle.close();
  expect(await readFile(file, 'utf8')).toMatch(/^mine\nother\nx/);
});
