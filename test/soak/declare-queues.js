/*
 * Makes many task queues, every tenth with a message, for measuring ls:
 *   node test/soak/declare-queues.js [10000]
 */
import { connect } from 'amqplib';

const COUNT = Number(process.argv[2] ?? 10_000);
const LANES = 16;
const connection = await connect(process.env.MCP_TASKQ_URL, { noDelay: true });
const width = String(COUNT - 1).length;
const lane = async (first) => {
  const channel = await connection.createConfirmChannel();
  for (let index = first; index < COUNT; index += LANES) {
    const name = `mcp:queue:task-${String(index).padStart(width, '0')}`;
    await channel.assertQueue(name, { durable: true });
    if (index % 10 === 0) channel.sendToQueue(name, Buffer.from('{}'), { persistent: true });
  }
  await channel.waitForConfirms();
};
await Promise.all(Array.from({ length: LANES }, (_, first) => lane(first)));
await connection.close();
