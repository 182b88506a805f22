export const QUEUES = 10_000;

const AT_ONCE = 50;

let made = 0;

/** Makes the queues of the tasks `many-0`, `many-1` …, once; they stay. */
export async function makeQueues(bare, queueName) {
  while (made < QUEUES) {
    await Promise.all(Array.from({ length: AT_ONCE }, () => bare.declare(queueName(`many-${made++}`))));
  }
}
