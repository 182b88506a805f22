import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject, onTestFinished } from 'vitest';
import { runInHost } from './command-hosts.ts';

export const BIN = fileURLToPath(new URL('../../bin/mcp-taskq.js', import.meta.url));

/** Not in the home of a test, where a process that the test leaves behind would write amid the clean-up. */
const CACHE = join(tmpdir(), 'mcp-taskq-test-cache');
mkdirSync(CACHE, { recursive: true });

export interface CliResult {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface CliOptions {
  /** Written to the standard input, which ends then. Default: nothing. */
  input?: string | Buffer;
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** Whether to start a process for the command, where the test is about that. Default: it shares one with others. */
  ownProcess?: boolean;
}

/**
 * The environment of a command: that of the test, the test broker, and nothing of the reader's settings. Without
 * NODE_EXTRA_CA_CERTS too: Node 20 reads it when it starts, which takes 75 ms with Debian's certificates.
 */
export function cliEnvironment(env: CliOptions['env'] = {}): NodeJS.ProcessEnv {
  const {
    NO_COLOR,
    FORCE_COLOR,
    RABBITMQ_URL,
    AMQP_URL,
    MCP_TASKQ_CONTEXT,
    NODE_EXTRA_CA_CERTS,
    ...inherited
  } = process.env;
  return {
    ...inherited,
    // No contexts of the reader's.
    XDG_CONFIG_HOME: '/nonexistent',
    XDG_CACHE_HOME: CACHE,
    MCP_TASKQ_URL: inject('url'),
    MCP_TASKQ_API_URL: inject('apiUrl'),
    ...env,
  };
}

/**
 * For `env`: a folder for temporary files in which nothing may be left. Node from 22.8 on would keep compiled code there:
 * it keeps it where it does without this.
 */
export function temporaryFilesIn(folder: string) {
  return { TMPDIR: folder, NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache') };
}

/** Starts the built command line, without a terminal. */
export function startCli(args: readonly string[], { env, cwd }: CliOptions = {}) {
  const child = spawn(process.execPath, [BIN, ...args], { env: cliEnvironment(env), ...(cwd && { cwd }) });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** Runs the built command line to its end. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  if (options.ownProcess) return runProcess(args, options);
  const { input = '', env, cwd } = options;
  const command = { args, input: Buffer.from(input), env: cliEnvironment(env), cwd };
  const { status = null, stdout, stderr } = await runInHost(command);
  return { status, signal: null, stdout: stdout.toString(), stderr: stderr.toString() };
}

async function runProcess(args: readonly string[], options: CliOptions): Promise<CliResult> {
  const child = startCli(args, options);
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk) => stdout.push(chunk));
  child.stderr.on('data', (chunk) => stderr.push(chunk));
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  const [status, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (...outcome) => resolve(outcome));
  });
  return {
    status,
    signal,
    stdout: Buffer.concat(stdout).toString(),
    stderr: Buffer.concat(stderr).toString(),
  };
}

/**
 * For shells: an environment in which `mcp-taskq` is the built command line and the home is an empty folder,
 * which is gone after the test.
 */
export async function cliInPath(env: CliOptions['env'] = {}) {
  const [programs, folder] = [await temporaryFolder(), await temporaryFolder()];
  const program = join(programs, 'mcp-taskq');
  await writeFile(program, `#!/bin/sh\nexec "${process.execPath}" "${BIN}" "$@"\n`);
  await chmod(program, 0o755);
  const own = { PATH: `${programs}:${process.env.PATH}`, HOME: folder, XDG_CONFIG_HOME: undefined };
  return { folder, env: cliEnvironment({ ...own, ...env }) };
}

/** A folder that is gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mcp-taskq-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The records in JSON Lines output. */
export function recordsIn(text: string) {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}
