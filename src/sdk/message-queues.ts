import {
  type ResolvedOptions,
  resolveOptions,
  type TaskQueueOptions,
  turnTimeoutMs,
} from '../options/task-queue-options.ts';
import { TaskQueueClient } from '../task-queue-client.ts';
import { CallOrder } from './call-order.ts';
import { MalformedMessages } from './malformed-messages.ts';

/** What the SDK's queues are made of, whether one server object has them or many share them. */
export class MessageQueues {
  readonly options: ResolvedOptions;
  readonly client: TaskQueueClient;
  readonly malformed: MalformedMessages;
  readonly order: CallOrder;

  /** @throws TaskQueueError `INVALID_ARGUMENT` for invalid options */
  constructor(given?: string | TaskQueueOptions) {
    this.options = resolveOptions(given);
    const { warn, onMalformed, maxWaitingOperations } = this.options;
    this.client = new TaskQueueClient(given);
    this.malformed = new MalformedMessages(this.client, onMalformed, warn);
    this.order = new CallOrder(turnTimeoutMs(this.options), maxWaitingOperations);
  }

  /**
   * Ends the waits, lets the calls under way finish, and closes the connections.
   * @param flush what else has to be done before they are closed, within this time
   */
  async close(timeoutMs: number, flush?: (timeoutMs: number) => Promise<void>): Promise<void> {
    this.client.waiter.close();
    const giveUpAt = performance.now() + timeoutMs;
    const remainingMs = () => Math.max(1, giveUpAt - performance.now());
    await this.order.idle(timeoutMs);
    await flush?.(remainingMs());
    this.malformed.close();
    await this.client.close({ timeoutMs: remainingMs() });
  }
}
