import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'amqplib';

/**
 * The least that amqplib needs for the same guarantees: confirmed, routed, persistent messages; acknowledged
 * reading; looking and bulk reading as a consumer, so that nobody's conditional delete takes what is held.
 * What a real client has to do besides (deadlines, reconnecting, errors with names, events) is not here.
 */
export class BareQueue {
  static async open(url) {
    const queue = new BareQueue();
    queue.connection = await connect(url, { noDelay: true });
    queue.reading = await connect(url, { noDelay: true });
    queue.publishing = await queue.connection.createConfirmChannel();
    queue.channel = await queue.reading.createChannel();
    queue.returned = new Set();
    queue.publishing.on('return', ({ properties }) => queue.returned.add(properties.messageId));
    return queue;
  }

  declare(name) {
    return this.channel.assertQueue(name, { durable: true });
  }

  enqueue(name, { type, message, timestamp, originalRequestId = null }) {
    const envelope = {
      type,
      message,
      timestamp: new Date(timestamp).toISOString(),
      original_request_id: originalRequestId,
    };
    return this.publish(name, Buffer.from(JSON.stringify(envelope)));
  }

  publish(name, body) {
    const messageId = randomUUID();
    const options = {
      persistent: true,
      mandatory: true,
      contentType: 'application/json',
      messageId,
      timestamp: Math.floor(Date.now() / 1000),
    };
    return new Promise((resolve, reject) => {
      this.publishing.publish('', name, body, options, (error) => {
        if (error) reject(error);
        else if (this.returned.delete(messageId)) reject(new Error(`No queue ${name}`));
        else resolve();
      });
    });
  }

  async dequeue(name) {
    const message = await this.channel.get(name);
    if (message === false) return undefined;
    const decoded = JSON.parse(message.content.toString());
    this.channel.ack(message);
    return decoded;
  }

  /** As a consumer, which keeps a conditional delete away from the message. */
  async peek(name) {
    const channel = await this.reading.createChannel();
    const { messageCount } = await channel.checkQueue(name);
    if (messageCount === 0) return channel.close();
    await channel.prefetch(1);
    const message = await new Promise((resolve, reject) => channel.consume(name, resolve).catch(reject));
    await channel.close();
    return JSON.parse(message.content.toString());
  }

  /** Fewer requests; somebody's conditional delete can take queue and message meanwhile. */
  async peekWithGet(name) {
    const message = await this.channel.get(name);
    if (message === false) return undefined;
    this.channel.nack(message, false, true);
    // Answered when the message is back.
    await this.channel.checkQueue(name);
    return JSON.parse(message.content.toString());
  }

  /** All that is there now. Acknowledged in batches; without a prefetch all at once, at the end. */
  async drain(name, prefetch, handle) {
    const channel = await this.reading.createChannel();
    const { messageCount } = await channel.checkQueue(name);
    if (prefetch > 0) await channel.prefetch(prefetch);
    let count = 0;
    if (messageCount > 0) {
      await new Promise((resolve, reject) => {
        const onMessage = (message) => {
          handle(message);
          count++;
          if (count === messageCount || (prefetch > 0 && count % (prefetch / 2) === 0))
            channel.ack(message, true);
          if (count === messageCount) resolve();
        };
        channel.consume(name, onMessage).catch(reject);
      });
    }
    await channel.close();
    return count;
  }

  /** All messages, and then the queue. Without a prefetch all of them or, if this fails, none. */
  async clear(name, prefetch = 500) {
    const messages = [];
    await this.drain(name, prefetch, ({ content }) => messages.push(JSON.parse(content.toString())));
    await this.channel.deleteQueue(name, { ifEmpty: true, ifUnused: true });
    return messages;
  }

  /** One request a message; while a message is held, somebody's conditional delete can take it with the queue. */
  async clearWithGet(name) {
    const messages = [];
    for (;;) {
      const message = await this.dequeue(name);
      if (message === undefined) break;
      messages.push(message);
    }
    await this.channel.deleteQueue(name, { ifEmpty: true, ifUnused: true });
    return messages;
  }

  async close() {
    const closed = Promise.all([once(this.connection, 'close'), once(this.reading, 'close')]);
    await Promise.all([this.connection.close(), this.reading.close()]);
    await closed;
  }
}
