import { progressBody } from './messages.js';

const AT_ONCE = 2000;

/** Leaves this many messages in the queue, persistent ones. If it holds as many, they stay; any other number is replaced. */
export async function fillQueue(bare, queue, count) {
  const { messageCount } = await bare.declare(queue);
  if (messageCount === count) return;
  if (messageCount > 0) await bare.channel.purgeQueue(queue);
  for (let done = 0; done < count; done += AT_ONCE) {
    const wanted = Math.min(AT_ONCE, count - done);
    await Promise.all(
      Array.from({ length: wanted }, (_, index) => bare.publish(queue, progressBody(done + index))),
    );
  }
}
