import { once } from 'node:events';
import { readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { recordsIn, runCli, startCli, temporaryFolder } from '../support/cli.ts';
import { extent, noteFigures } from '../support/figures.ts';
import { newTask, openClient } from '../support/tasks.ts';
import { killDrain, sizeOf, untilNobodyReads } from '../support/unheard-drain.ts';
import { until } from '../support/until.ts';

const COUNT = extent(700, 6_000);
const ROUNDS = extent(1, 8);

test.each([
  ['messages that have a message_id', { queueType: 'default', message_id: 'its own' }],
  ['messages that do not have one', { queueType: 'default' }],
  ['messages of a quorum queue, which counts deliveries', { queueType: 'quorum' }],
] as const)(
  'a drain that is killed is taken up with --append, each message once, in order: %s',
  async (_what, given) => {
    const client = openClient({ queueType: given.queueType });
    const task = newTask();
    const numbers = Array.from({ length: COUNT }, (_, n) => n);
    const publish = (n: number) => {
      const id = 'message_id' in given ? { message_id: `m${n}` } : {};
      const body = Buffer.from(JSON.stringify({ n, padding: 'x'.repeat(500) }));
      return client.publish(task, { body, properties: { delivery_mode: 2, ...id } });
    };
    await Promise.all(numbers.map(publish));
    const file = join(await temporaryFolder(), 'file');
    const args = ['dequeue', task, '--out', file, '--append'];
    // What was removed before is not in doubt.
    expect((await runCli([...args, '-n', '10'])).status).toBe(0);
    const removed = await sizeOf(file);

    // What is written is not removed; the end may be in the middle of a record, or behind one.
    await killDrain(task, file, [...args, '--all']);
    await truncate(file, removed + Math.ceil(Math.random() * ((await sizeOf(file)) - removed)));
    await killDrain(task, file, [...args, '--all']);
    // At any moment.
    for (let round = 0; round < ROUNDS; round++) await killSomewhere([...args, '--all'], file, task);

    const left = (await client.depth(task))?.messages;
    // A part of what was left there says nothing about the rest.
    expect((await runCli(args)).status).toBe(left === 0 ? 6 : 0);
    const { status, stderr } = await runCli([...args, '--all']);
    expect(status).toBe(0);
    expect(stderr).not.toContain('twice');
    expect(recordsIn(await readFile(file, 'utf8')).map(({ body }) => body.n)).toEqual(numbers);
    noteFigures({ 'left after the last kill': left ?? 0 });
  },
);

/** Kills a drain that has written some more, unless it has ended, and waits until RabbitMQ has noticed it. */
async function killSomewhere(args: string[], file: string, task: string): Promise<void> {
  const enough = (await sizeOf(file)) + Math.random() * COUNT * 50;
  const child = startCli(args);
  const ended = once(child, 'close');
  await until(async () => child.exitCode !== null || (await sizeOf(file)) > enough);
  child.kill('SIGKILL');
  await ended;
  await untilNobodyReads(task);
}
