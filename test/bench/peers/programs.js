import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Distributions install pika for the system's own Python, whatever comes first in the path. */
export function findPika() {
  return ['python3', '/usr/bin/python3'].find(
    (python) => spawnSync(python, ['-c', 'import pika']).status === 0,
  );
}

/** @param {string} program */
export function isInstalled(program) {
  return !spawnSync(program, ['--help']).error;
}

/**
 * The rabbitmqadmin that the broker's management plugin serves, or why there is none.
 * @returns {Promise<{ file: string } | { missing: string }>}
 */
export async function fetchRabbitmqadmin(apiUrl, folder) {
  if (!isInstalled('python3')) return { missing: 'no python3' };
  const response = await fetch(new URL('/cli/rabbitmqadmin', plain(apiUrl)));
  if (!response.ok) return { missing: 'this broker serves none' };
  const file = join(folder, 'rabbitmqadmin');
  await writeFile(file, await response.text());
  return { file };
}

/** How rabbitmqadmin is told where the broker is. */
export function rabbitmqadminArguments(apiUrl) {
  const { hostname, port, username, password } = new URL(apiUrl);
  return [
    `--host=${hostname}`,
    `--port=${port}`,
    `--username=${username || 'guest'}`,
    `--password=${password || 'guest'}`,
  ];
}

/** fetch refuses credentials in the URL. */
function plain(apiUrl) {
  const url = new URL(apiUrl);
  url.username = '';
  url.password = '';
  return url;
}

/**
 * Runs a program to its end, its output to nowhere unless a file descriptor is given.
 * @throws when it fails: a peer that does not work is not to be compared with
 */
export async function runProgram(
  program,
  args,
  { stdin = 'ignore', stdout = 'ignore', env = process.env } = {},
) {
  const child = spawn(program, args, { stdio: [stdin, stdout, 'pipe'], env });
  let complaints = '';
  child.stderr?.on('data', (chunk) => {
    complaints += chunk;
  });
  const [status, signal] = await once(child, 'close');
  if (status !== 0)
    throw new Error(`${program} ${args.join(' ')} ended with ${status ?? signal}: ${complaints}`);
  return complaints;
}
