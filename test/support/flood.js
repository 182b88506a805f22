// Publishes FLOOD_COUNT messages of FLOOD_BYTES each to MCP_TASKQ_URL without waiting for any. Whatever becomes of them, it
// says in JSON how many were confirmed, and how many failed with each code.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { TaskQueueClient } from 'mcp-taskq';

// What the client keeps is measured, not when Node looks for what nobody keeps.
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

const { MCP_TASKQ_URL: url, FLOOD_TASK: task, FLOOD_COUNT: count, FLOOD_BYTES: bytes } = process.env;
const client = new TaskQueueClient({
  url,
  // Longer than the flood takes on a slow machine: its end is what ends the waits.
  confirmTimeoutMs: 120_000,
  operationTimeoutMs: 120_000,
  closeTimeoutMs: 1_000,
});
const outcomes = {};
const note = (outcome) => {
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
};
let waiting = 0;
let most = 0;
const calls = [];
// Known, and its connection open, before the flood.
await client.publish(task, { body: Buffer.from('the flood begins') });
for (let index = 0; index < Number(count); index++) {
  // Each has a body of its own, as messages of a server do.
  waiting++;
  most = Math.max(most, waiting);
  const call = client
    .publish(task, { body: Buffer.alloc(Number(bytes), 'x'), properties: { delivery_mode: 2 } })
    .then(
      () => note('confirmed'),
      (error) => note(error.code ?? String(error)),
    );
  calls.push(call.finally(() => waiting--));
  if (index % 2000 !== 1999) continue;
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
}
await client.close();
await Promise.all(calls);
process.stderr.write(`\noutcomes ${JSON.stringify({ most, ...outcomes })}\n`);
