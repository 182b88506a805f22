// Publishes the lines of a file: persistent, routed, confirmed.
import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { connect } from 'amqplib';

const [, , url, queue, file] = process.argv;
const connection = await connect(url, { noDelay: true });
const channel = await connection.createConfirmChannel();
await channel.assertQueue(queue, { durable: true });
channel.on('return', () => {
  throw new Error('A message was not routed');
});
const options = { persistent: true, mandatory: true, contentType: 'application/json' };
const input = await open(file);
for await (const line of input.readLines()) {
  const properties = { ...options, messageId: randomUUID(), timestamp: Math.floor(Date.now() / 1000) };
  if (!channel.publish('', queue, Buffer.from(line), properties)) {
    await new Promise((resolve) => channel.once('drain', resolve));
  }
}
await channel.waitForConfirms();
await connection.close();
