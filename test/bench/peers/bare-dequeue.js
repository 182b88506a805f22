// Drains a queue to a file: written and on disk first, then acknowledged.
import { open } from 'node:fs/promises';
import { connect } from 'amqplib';

const BATCH = 500;

const [, , url, queue, file] = process.argv;
const output = await open(file, 'w');
const connection = await connect(url, { noDelay: true });
const channel = await connection.createChannel();
const { messageCount } = await channel.checkQueue(queue);
await channel.prefetch(BATCH * 2);
let taken = 0;
let batch = [];
let writing = Promise.resolve();
await new Promise((resolve, reject) => {
  const onMessage = (message) => {
    batch.push(message);
    taken++;
    if (batch.length < BATCH && taken < messageCount) return;
    const messages = batch;
    const isLast = taken === messageCount;
    batch = [];
    writing = writing.then(async () => {
      await output.write(`${messages.map(({ content }) => content).join('\n')}\n`);
      await output.sync();
      channel.ack(messages.at(-1), true);
      if (isLast) resolve();
    });
    writing.catch(reject);
  };
  channel.consume(queue, onMessage).catch(reject);
});
await channel.close();
await connection.close();
await output.close();
