import { expect, test } from 'vitest';
import { canCluster, startCluster } from '../support/cluster.ts';
import { duration, noteFigures } from '../support/figures.ts';
import { NumberedLoad } from '../support/numbered-load.ts';
import { numbered, openQueue } from '../support/tasks.ts';
import { until } from '../support/until.ts';

const TASK = 'task';

test.runIf(canCluster)(
  'three nodes, quorum queues: the node with the leader is killed under load, and nothing confirmed is lost',
  async () => {
    const nodes = await startCluster(3);
    // The queue's leader is on the node where it is declared, and that is the first one.
    const options = { url: nodes.map(({ url }) => url), queueType: 'quorum' } as const;
    await openQueue(options).enqueue(TASK, numbered(0));
    await openQueue(options).dequeue(TASK);
    const [leader] = nodes;
    const told = await leader?.ctl('--silent', 'list_queues', 'name', 'leader', 'members');
    expect(told).toMatch(/mcp:queue:task\s+taskq-0@localhost/);
    expect(told).toContain('taskq-2@localhost');

    const load = new NumberedLoad(TASK);
    for (let index = 0; index < 4; index++) load.enqueue(openQueue(options));
    for (let index = 0; index < 2; index++) load.dequeue(openQueue(options));
    await until(() => load.confirmed.size > 200, 30_000);
    const killedAt = performance.now();
    await leader?.kill();
    const before = load.confirmed.size;
    await until(() => load.confirmed.size > before + 200, 60_000);
    await load.stop();
    for (const message of await openQueue(options).dequeueAll(TASK)) load.note(message);

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
  },
  240_000,
);
