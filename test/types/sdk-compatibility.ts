// Compiled with the tests, never run: it holds when it compiles. Our types are written out by hand, and this
// compares them with those of the oldest and the newest SDK that the README names.
import type * as newest from '@modelcontextprotocol/sdk/experimental/tasks';
import type * as oldest from 'sdk-1.24/experimental/tasks';
import type { QueueableMessage, QueuedMessage, RabbitMQTaskMessageQueue } from '../../src/index.ts';

/** Compiles only if the first is assignable to the second. */
type Assignable<From extends To, To> = From;

/** The methods as functions: unlike methods, these have their parameters compared in the one right direction. */
type Functions<Queue extends newest.TaskMessageQueue | oldest.TaskMessageQueue> = {
  [Name in 'enqueue' | 'dequeue' | 'dequeueAll']: (
    ...parameters: Parameters<Queue[Name]>
  ) => ReturnType<Queue[Name]>;
};

export type Proofs = [
  Assignable<RabbitMQTaskMessageQueue, newest.TaskMessageQueue>,
  Assignable<RabbitMQTaskMessageQueue, oldest.TaskMessageQueue>,
  Assignable<Functions<RabbitMQTaskMessageQueue>, Functions<newest.TaskMessageQueue>>,
  Assignable<Functions<RabbitMQTaskMessageQueue>, Functions<oldest.TaskMessageQueue>>,
  // What comes out of our queue can be given to the SDK, and what the SDK has can be put into it.
  Assignable<QueuedMessage, newest.QueuedMessage>,
  Assignable<QueuedMessage, oldest.QueuedMessage>,
  Assignable<newest.QueuedMessage, QueueableMessage>,
  Assignable<oldest.QueuedMessage, QueueableMessage>,
  Assignable<QueuedMessage, QueueableMessage>,
];

// @ts-expect-error: the proofs must be able to fail
export type Disproof = Assignable<{ type: 'request' }, newest.QueuedMessage>;
