// Compiled with the tests, never run: it holds when it compiles. Our types are written out by hand, and this
// compares them with those of the oldest and the newest SDK that the README names.
import type * as newest from '@modelcontextprotocol/sdk/experimental/tasks';
import type { Transport as NewestTransport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type * as oldest from 'sdk-1.24/experimental/tasks';
import type { Transport as OldestTransport } from 'sdk-1.24/shared/transport.js';
import type { QueueableMessage, QueuedMessage, RabbitMQTaskMessageQueue } from '../../src/index.ts';
import type { ReplicaTaskMessageQueue, TaskStoreLike, TransportLike } from '../../src/replicas/index.ts';

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
  // What a link gives to a server, and what it takes to wrap it.
  Assignable<ReplicaTaskMessageQueue, newest.TaskMessageQueue>,
  Assignable<ReplicaTaskMessageQueue, oldest.TaskMessageQueue>,
  Assignable<newest.TaskStore, TaskStoreLike>,
  Assignable<oldest.TaskStore, TaskStoreLike>,
  Assignable<NewestTransport, TransportLike>,
  Assignable<OldestTransport, TransportLike>,
];

// @ts-expect-error: the proofs must be able to fail
export type Disproof = Assignable<{ type: 'request' }, newest.QueuedMessage>;
