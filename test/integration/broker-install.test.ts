import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { ErrorCode } from '../../src/index.ts';
import { findContainerEngine } from '../../src/local-broker/find-container-engine.ts';
import { findServer } from '../../src/local-broker/find-server.ts';
import { installServer } from '../../src/local-broker/install-server.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp-taskq-test-'));
  vi.stubEnv('PATH', folder);
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** A program on the PATH that is a shell script. */
function program(path: string, script: string): void {
  const file = join(folder, path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}

/** An apt-get that writes down how it was called. Sudo, for those who are not root, just runs it. */
function aptGet(script: string): () => string {
  program('apt-get', `echo "$DEBIAN_FRONTEND $*" >> "${folder}/calls"\n${script}`);
  program('sudo', 'exec "$@"');
  vi.stubEnv('PATH', [folder, '/usr/bin', '/bin'].join(delimiter));
  return () => readFileSync(join(folder, 'calls'), 'utf8');
}

describe('finding a server', () => {
  test('takes the folder of a generic installation on the PATH', async () => {
    program('rabbitmq-server', '');
    program('rabbitmq-env', '');
    program('epmd', '');
    expect(await findServer([])).toEqual({ binDir: folder, epmd: join(folder, 'epmd') });
  });

  test('passes over a wrapper, which would start the system service', async () => {
    program('rabbitmq-server', '');
    program('epmd', '');
    expect(await findServer([])).toBeUndefined();
  });

  test('passes over a container client whose engine does not answer, and takes one that does', async () => {
    program('docker', 'exit 1');
    expect(await findContainerEngine()).toBeUndefined();
    program('podman', 'exit 0');
    expect(await findContainerEngine()).toBe('podman');
  });
});

describe('installing a server', () => {
  const agree = async () => true;

  test('updates the package lists first, asks nothing on the way, and prints a line for each step', async () => {
    const calls = aptGet('echo "working on $*"');
    const asked: string[] = [];
    const progress: string[] = [];
    await installServer({
      confirm: async (what) => asked.push(what) > 0,
      onProgress: (line) => progress.push(line),
    });
    expect(asked).toEqual([expect.stringContaining('rabbitmq-server with apt-get')]);
    expect(calls().trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^noninteractive .*update$/),
      expect.stringMatching(/^noninteractive .*install --yes .*rabbitmq-server$/),
    ]);
    expect(progress).toEqual([
      'Updating the package lists (apt-get update) ...',
      'Installing RabbitMQ (apt-get install rabbitmq-server) ...',
    ]);
  });

  test('goes on when a package list cannot be brought up to date', async () => {
    const calls = aptGet('case $* in *update) exit 100;; esac');
    await installServer({ confirm: agree });
    expect(calls()).toContain('rabbitmq-server');
  });

  test('touches nothing when the caller does not agree', async () => {
    const calls = aptGet('');
    await expect(installServer({ confirm: async () => false })).rejects.toMatchObject({
      code: ErrorCode.brokerStartFailed,
      hint: expect.stringContaining('Install RabbitMQ'),
    });
    expect(calls).toThrow('ENOENT');
  });

  test('says what apt-get said when that fails', async () => {
    aptGet('case $* in *install*) echo "E: Unable to locate package" >&2; exit 100;; esac');
    await expect(installServer({ confirm: agree })).rejects.toMatchObject({
      code: ErrorCode.brokerStartFailed,
      message: expect.stringMatching(/ended with status 100[\s\S]*E: Unable to locate package/),
    });
  });

  test('says that it needs root, before it asks, where there is no sudo', async () => {
    program('apt-get', '');
    const asUser = vi.spyOn(process, 'getuid').mockReturnValue(1000);
    onTestFinished(() => asUser.mockRestore());
    const confirm = vi.fn(agree);
    await expect(installServer({ confirm })).rejects.toMatchObject({
      code: ErrorCode.brokerStartFailed,
      message: expect.stringContaining('needs root, or sudo'),
      hint: expect.stringContaining('apt-get install rabbitmq-server'),
    });
    expect(confirm).not.toHaveBeenCalled();
  });

  test('says so when there is no package manager it knows', async () => {
    await expect(installServer({ confirm: agree })).rejects.toMatchObject({
      code: ErrorCode.brokerStartFailed,
      message: expect.stringContaining('neither apt-get nor brew'),
      hint: expect.stringContaining('Install RabbitMQ'),
    });
  });
});
