import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, inject, test } from 'vitest';
import { newTask } from '../support/tasks.ts';

const LIBRARY = fileURLToPath(new URL('../../dist/index.js', import.meta.url));

/** Prints the error of a call while as many files are open as may be, and what the next call says. */
const PROGRAM = `
  import { closeSync, openSync } from 'node:fs';
  import { TaskQueueClient } from ${JSON.stringify(LIBRARY)};
  const url = process.env.URL;
  const first = new TaskQueueClient({ url });
  await first.depth(process.env.TASK);
  await first.close();
  const files = [];
  try {
    for (;;) files.push(openSync('/dev/null'));
  } catch {}
  const client = new TaskQueueClient({ url });
  const failure = await client.depth(process.env.TASK).catch((error) => error);
  for (const file of files) closeSync(file);
  const depth = await client.depth(process.env.TASK);
  await client.close();
  console.log(JSON.stringify([failure.code, failure.message, failure.hint ?? null, depth ?? null]));
`;

test('a process with too many open files says that, and connects once it has fewer', () => {
  const command = `ulimit -n 64; exec "${process.execPath}" --input-type=module -e "$PROGRAM"`;
  const env = { ...process.env, PROGRAM, URL: inject('url'), TASK: newTask() };
  const { stdout, stderr } = spawnSync('bash', ['-c', command], { env, encoding: 'utf8' });
  expect(stderr).toBe('');
  const reason = /^Cannot connect to RabbitMQ at \S+: this process has too many open files \(ulimit -n\)$/;
  expect(JSON.parse(stdout)).toEqual(['CONNECTION_FAILED', expect.stringMatching(reason), null, null]);
});
