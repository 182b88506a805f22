import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { BIN, type CliResult, cliEnvironment } from './cli.ts';

const REPORTER = new URL('../bench/report-memory.js', import.meta.url).href;

/** How a program ended, and how much memory it had at most. */
export type MeasuredRun = Omit<CliResult, 'stdout' | 'signal'> & {
  peakMegabytes: number;
  stdoutBytes: number;
};

/** Runs the built command line to its end. Its output is counted, and not kept. */
export function measureCli(args: readonly string[], env?: Record<string, string>): Promise<MeasuredRun> {
  return measureNode([BIN, ...args], env);
}

/** Lets later Nodes put as little aside for what nobody keeps as Node 20 does: they take up to 100 MB more. */
const SMALL_YOUNG_GENERATION = '--max-semi-space-size=16';

/** Runs a program of the tests, which uses the built package. */
export function measureScript(name: string, env?: Record<string, string>): Promise<MeasuredRun> {
  return measureNode([SMALL_YOUNG_GENERATION, fileURLToPath(new URL(name, import.meta.url))], env);
}

function measureNode(args: readonly string[], env?: Record<string, string>): Promise<MeasuredRun> {
  const child = spawn(process.execPath, ['--import', REPORTER, ...args], {
    env: cliEnvironment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stdoutBytes = 0;
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdoutBytes += chunk.length;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => {
      const kilobytes = /^peak memory (\d+)$/m.exec(stderr)?.[1];
      resolve({ status, stderr, stdoutBytes, peakMegabytes: Number(kilobytes ?? Number.NaN) / 1024 });
    });
  });
}
