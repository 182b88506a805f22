import { randomUUID } from 'node:crypto';
import { InMemoryTaskMessageQueue } from '@modelcontextprotocol/sdk/experimental/tasks';
import { describeQueueContract } from '../support/queue-contract.ts';
import { newTask, openQueue } from '../support/tasks.ts';

describeQueueContract("the SDK's InMemoryTaskMessageQueue", {
  open: () => new InMemoryTaskMessageQueue(),
  newTask: (name = 'task') => `${name}-${randomUUID()}`,
});

describeQueueContract('RabbitMQTaskMessageQueue', { open: openQueue, newTask });
