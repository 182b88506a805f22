import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/cli.ts';
import { noteFigures } from '../support/figures.ts';
import { answers, expectAskedOnceOrTwice, resultOf, TASKS } from '../support/many-questions.ts';
import { startServer } from '../support/mcp-server.ts';
import { connectRouted } from '../support/routed-client.ts';
import { until } from '../support/until.ts';

test('a deliverer that is killed amid many tasks loses no question, whether it was about to send it or had just sent it', {
  timeout: 240_000,
}, async () => {
  const tasks = await temporaryFolder();
  const replica = { transport: 'stateless', tasks, replicas: 'the secret of this fleet' } as const;
  const [asker, receiver, victim, heir] = await Promise.all([
    startServer(replica),
    startServer(replica),
    startServer({ ...replica, stall: 'mixed' }),
    startServer(replica),
  ]);
  let deliverer = victim;
  const client = await connectRouted((method) => {
    if (method === undefined) return receiver;
    return method === 'tasks/result' ? deliverer : asker;
  });
  const numbers = Array.from({ length: TASKS }, (_, index) => index);
  const taskIds = await Promise.all(
    numbers.map((index) => client.startTask([{ elicit: `${index}?` }, { elicit: `${index}!` }])),
  );
  for (const taskId of taskIds) client.taskResult(taskId).catch(() => {});
  // It holds six by then, three of them unsent.
  await until(() => client.received.length >= TASKS);
  const before = client.received.length;
  deliverer = heir;
  await victim.kill();

  const giveUpAt = Date.now() + 120_000;
  const results = taskIds.map((taskId) => resultOf(client, taskId, giveUpAt));
  // The first answer to each, although some of the questions come again and get another one.
  expect(await Promise.all(results)).toEqual(numbers.map(answers));
  const twice = expectAskedOnceOrTwice(client);
  expect(twice).toBeGreaterThan(0);
  expect(before).toBeLessThan(2 * TASKS);
  noteFigures({
    tasks: TASKS,
    'asked before the kill': before,
    'questions lost': 0,
    'asked twice': twice,
    'second answers that counted': 0,
  });
});
