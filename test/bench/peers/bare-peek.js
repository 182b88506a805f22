import { connect } from 'amqplib';

const [, , url, queue] = process.argv;
const connection = await connect(url, { noDelay: true });
const channel = await connection.createChannel();
const message = await channel.get(queue);
channel.nack(message, false, true);
process.stdout.write(`${message.content}\n`);
await connection.close();
