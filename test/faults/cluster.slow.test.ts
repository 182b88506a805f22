import { beforeAll, describe, expect, test } from 'vitest';
import type { StoredMessage } from '../../src/index.ts';
import type { RunningBroker } from '../../src/local-broker/index.ts';
import { runCli } from '../support/cli.ts';
import { canCluster, startCluster } from '../support/cluster.ts';
import { duration, noteFigures } from '../support/figures.ts';
import { NumberedLoad } from '../support/numbered-load.ts';
import { numbered, openClient, openQueue, raw } from '../support/tasks.ts';
import { until } from '../support/until.ts';

/** The task of which a node is behind. */
const TASK = 'behind';

/**
 * Run on a node: stops its member of the task's queue, and lets it go on 200 ms after the leader has counted all messages
 * as given to a consumer, which are those that it delivers.
 */
const LAG = `
  {ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"mcp:queue:${TASK}">>)),
  {Member, _} = amqqueue:get_pid(Q),
  sys:suspend(Member),
  spawn(fun Wait() ->
    case rabbit_amqqueue:stat(Q) of
      {ok, 0, 1} -> timer:sleep(200), sys:resume(Member);
      _ -> timer:sleep(5), Wait()
    end
  end), ok.`;

describe.runIf(canCluster)('a cluster of three nodes', () => {
  let nodes: RunningBroker[];

  beforeAll(async () => {
    nodes = await startCluster(3);
  });

  test('dequeueAll by a node that is behind the leader has all messages, and none is left', async () => {
    const [leader, ...others] = nodes;
    const options = { url: nodes.map(({ url }) => url), queueType: 'quorum' } as const;
    const all = Array.from({ length: 1_000 }, (_, index) => numbered(index));
    const writer = openQueue(options);
    const client = openClient({ url: leader?.url as string });
    // With the default type as well: reading takes whatever is there.
    for (const [index, queueType] of (['quorum', 'default'] as const).entries()) {
      const node = others[index] as RunningBroker;
      const reader = openQueue({ url: node.url, queueType });
      await Promise.all(all.map((message) => writer.enqueue(TASK, message)));
      await node.ctl('eval', LAG);
      expect(await reader.dequeueAll(TASK)).toEqual(all);
      expect(await client.depth(TASK)).toEqual({ messages: 0, consumers: 0 });
    }
  }, 480_000);

  test('a queue whose node is down is neither empty nor missing, and what was drained of it meanwhile not said to be removed', async () => {
    const [node, home] = nodes as [RunningBroker, RunningBroker];
    const publisher = openClient({ url: home.url });
    for (let index = 0; index < 10; index++) await publisher.publish('down', raw(String(index)));
    await publisher.close();
    const client = openClient({ url: node.url });
    const queue = openQueue({ url: node.url });
    const stopHome = async () => void (await home.ctl('stop_app'));
    const unavailable = { code: 'QUEUE_UNAVAILABLE', hint: expect.stringMatching(/cluster_status/) };
    await expect(client.drain('down', stopHome)).rejects.toMatchObject(unavailable);
    await expect(client.depth('down')).rejects.toMatchObject(unavailable);
    await expect(client.peek('down')).rejects.toMatchObject(unavailable);
    await expect(client.publish('down', raw('another'))).rejects.toMatchObject(unavailable);
    await expect(client.deleteIfUnused('down')).rejects.toMatchObject(unavailable);
    await expect(queue.dequeue('down')).rejects.toMatchObject(unavailable);
    await expect(queue.dequeueAll('down')).rejects.toMatchObject(unavailable);
    await expect(queue.isEmpty('down')).rejects.toMatchObject(unavailable);
    const { status, stderr } = await runCli(['dequeue', 'down', '--all'], {
      env: { MCP_TASKQ_URL: node.url },
    });
    expect(stderr).toMatch(/the node that holds the queue is down/);
    expect(status).toBe(7);
    await expect(queue.waitForMessage('down', { timeoutMs: 1_000 })).rejects.toMatchObject({
      code: 'WAIT_TIMEOUT',
    });
    const waiting = queue.waitForMessage('down');
    await home.ctl('start_app');
    await waiting;
    await expect.poll(() => client.depth('down').catch(() => {})).toEqual({ messages: 10, consumers: 0 });
  });

  test('a drain of a mirrored queue that fails over ends, and takes no message twice', async ({ skip }) => {
    const [node, home] = nodes as [RunningBroker, RunningBroker];
    // Version 4 has no mirrored queues.
    skip(!node.version.startsWith('3.'));
    await node.ctl('set_policy', 'mirrored', '^mcp:queue:mirrored$', '{"ha-mode":"all"}');
    const publisher = openClient({ url: home.url });
    for (let index = 0; index < 20; index++) await publisher.publish('mirrored', raw(String(index)));
    await publisher.close();
    const client = openClient({ url: node.url });
    const taken: string[] = [];
    const take = async (batch: StoredMessage[]) => {
      taken.push(...batch.map(({ body }) => body.toString()));
      if (taken.length === 5) await home.ctl('stop_app');
    };
    await expect(client.drain('mirrored', take, { batchSize: 5 })).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      message: expect.stringContaining('its node failed'),
    });
    expect(taken).toEqual([...new Set(taken)]);
    expect((await client.depth('mirrored'))?.messages).toBeGreaterThanOrEqual(15);
    await home.ctl('start_app');
  });

  // The last one, as the node stays dead.
  test('the node with the leader is killed under load, and nothing confirmed is lost', async () => {
    // The queue's leader is on the node where it is declared, and that is the first one.
    const options = { url: nodes.map(({ url }) => url), queueType: 'quorum' } as const;
    await openQueue(options).enqueue('killed', numbered(0));
    await openQueue(options).dequeue('killed');
    const [leader] = nodes;
    const told = await leader?.ctl('--silent', 'list_queues', 'name', 'leader', 'members');
    expect(told).toMatch(/mcp:queue:killed\s+taskq-0@localhost/);
    expect(told).toContain('taskq-2@localhost');

    const load = new NumberedLoad('killed');
    for (let index = 0; index < 4; index++) load.enqueue(openQueue(options));
    for (let index = 0; index < 2; index++) load.dequeue(openQueue(options));
    await until(() => load.confirmed.size > 200);
    const killedAt = performance.now();
    await leader?.kill();
    const before = load.confirmed.size;
    // Until the others have elected a leader, none is confirmed.
    await until(() => load.confirmed.size > before + 200);
    await load.stop();
    for (const message of await openQueue(options).dequeueAll('killed')) load.note(message);

    const times = [killedAt, ...[...load.confirmed.values()].filter((at) => at > killedAt)];
    const pauses = times.slice(1).map((at, index) => at - (times[index] as number));
    noteFigures({
      confirmed: load.confirmed.size,
      'confirmed and lost': load.missing.length,
      'read twice': load.duplicates,
      'failed calls': load.failuresAsText,
      'longest time without a confirm': duration(Math.max(...pauses)),
    });
    expect(load.missing).toEqual([]);
  });
});
