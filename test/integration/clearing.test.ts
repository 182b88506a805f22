import { expect, test } from 'vitest';
import { newTask, numbered, openClient, openQueue } from '../support/tasks.ts';

// RabbitMQ confirms, and loses, what arrives in the instant in which a queue is deleted. It happens in one of some
// hundred bursts, so there are many.
test('clearing a task beside bursts of enqueues on one queue object loses nothing that was confirmed', async () => {
  const queue = openQueue();
  const task = newTask();
  const count = 50;
  for (let round = 0; round < 60; round++) {
    const taken = [];
    const burst = Array.from({ length: count }, (_, index) => queue.enqueue(task, numbered(index)));
    const adding = Promise.all(burst);
    for (let clears = 0; clears < 5; clears++) taken.push(...(await queue.dequeueAll(task)));
    await adding;
    taken.push(...(await queue.dequeueAll(task)));
    expect(taken.map(({ timestamp }) => timestamp - numbered(0).timestamp)).toEqual(
      Array.from({ length: count }, (_, index) => index),
    );
  }
  expect(await openClient().depth(task)).toBeUndefined();
}, 60_000);
