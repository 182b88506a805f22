import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { startCli, temporaryFolder } from '../support/cli.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { noteFigures } from '../support/figures.ts';
import { newTask, openClient, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';

const COUNT = 4_000;

test.each(['SIGTERM', 'SIGINT'] as const)(
  'a drain that gets %s in the middle stops cleanly: each message is in the file or in the queue, once',
  async (signal) => {
    const task = newTask();
    const client = openClient();
    await Promise.all(
      Array.from({ length: COUNT }, (_, n) =>
        client.publish(task, raw(JSON.stringify({ n, text: 'x'.repeat(300) }))),
      ),
    );
    const file = join(await temporaryFolder(), 'drained.jsonl');
    // A broker far away, so that the drain is still in the middle when the signal comes.
    const proxy = await FaultProxy.inFrontOf(inject('url'));
    proxy.fault = { kind: 'delay', ms: 100 };
    const child = startCli(['dequeue', task, '--all', '--out', file], { env: { MCP_TASKQ_URL: proxy.url } });
    let said = '';
    child.stderr.on('data', (chunk) => {
      said += chunk;
    });
    const ended = once(child, 'close');
    await until(async () => ((await stat(file).catch(() => undefined))?.size ?? 0) > 0);
    child.kill(signal);
    expect(await ended).toEqual([signal === 'SIGTERM' ? 143 : 130, null]);

    const saved = (await readFile(file, 'utf8')).trimEnd().split('\n');
    const numbers = saved.map((line) => JSON.parse(line).body.n as number);
    await client.drain(task, (batch) => {
      for (const { body } of batch) numbers.push(JSON.parse(body.toString()).n);
    });
    noteFigures({ 'in the file': saved.length, 'still in the queue': numbers.length - saved.length });
    expect(saved.length).toBeLessThan(COUNT);
    // In order too: the file has the oldest ones, the queue the rest.
    expect(numbers).toEqual(Array.from({ length: COUNT }, (_, n) => n));
    expect(said.replaceAll(',', '')).toMatch(new RegExp(`\\b${saved.length} messages?\\b`));
  },
);
