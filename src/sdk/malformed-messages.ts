import {
  ErrorCode,
  isTaskQueueError,
  MalformedMessageError,
  TaskQueueError,
} from '../errors/task-queue-error.ts';
import { decodeQueuedMessage } from '../messages/codec.ts';
import type { QueuedMessage } from '../messages/queued-message.ts';
import type { StoredMessage } from '../messages/stored-message.ts';
import type { MalformedPolicy } from '../options/task-queue-options.ts';
import { plainProperties } from '../properties/plain-properties.ts';
import { withHeaders } from '../properties/with-headers.ts';
import type { TaskQueueClient } from '../task-queue-client.ts';

/** The malformed messages of task `x` are kept in the queue of task `x:malformed`. */
const SUFFIX = ':malformed';

/** The header that says why a message was set aside. */
const REASON_HEADER = 'x-mcp-taskq-malformed';

/** RabbitMQ 4 drops a message of a quorum queue that was returned more than 20 times. */
const MAX_RETURNS = 10;

/** Decodes stored messages, and sets aside those that cannot be decoded, without losing any. */
export class MalformedMessages {
  readonly #client: TaskQueueClient;
  readonly #policy: MalformedPolicy;
  readonly #warn: (warning: TaskQueueError) => void;

  constructor(client: TaskQueueClient, policy: MalformedPolicy, warn: (warning: TaskQueueError) => void) {
    this.#client = client;
    this.#policy = policy;
    this.#warn = warn;
  }

  /**
   * Returns the decoded message, or `undefined` if it was set aside and should be removed from its own queue.
   * @throws MalformedMessageError if it should stay there
   */
  decode(message: StoredMessage): QueuedMessage | Promise<undefined> {
    try {
      return decodeQueuedMessage(message.taskId, message.body);
    } catch (error) {
      if (!(error instanceof MalformedMessageError)) throw error;
      return this.setAside(message, error);
    }
  }

  /**
   * Resolves when the message is confirmed, byte for byte, in the queue of the sibling task.
   * @throws the error if the message should stay in its queue
   */
  async setAside(message: StoredMessage, error: MalformedMessageError): Promise<undefined> {
    const { taskId, body, properties, propertyList } = message;
    const isWornOut = returnsOf(message) >= MAX_RETURNS;
    if ((this.#policy === 'throw' && !isWornOut) || taskId.endsWith(SUFFIX)) throw error;
    const sibling = `${taskId}${SUFFIX}`;
    // Properties known only as bytes are kept, without the reason.
    const marked =
      propertyList === undefined ? withHeaders(properties, { [REASON_HEADER]: error.reason }) : properties;
    try {
      await this.#client.publish(sibling, { body, properties: marked, propertyList });
    } catch (cause) {
      this.#warn(notSetAsideError(taskId, cause));
      throw error;
    }
    this.#warn(setAsideWarning(error, sibling));
    return undefined;
  }
}

/** How often a quorum queue has delivered it before; 0 for other queues, which do not count. */
function returnsOf({ properties }: StoredMessage): number {
  const { headers } = plainProperties(properties);
  const count = Number((headers as { [name: string]: unknown } | undefined)?.['x-delivery-count']);
  return Number.isFinite(count) ? count : 0;
}

function setAsideWarning(error: MalformedMessageError, sibling: string): TaskQueueError {
  const id = JSON.stringify(sibling);
  return new TaskQueueError(error.code, `${error.message}. It was set aside in the queue of task ${id}.`, {
    cause: error,
    hint: `Look at it with: mcp-taskq peek -- ${/^[\w:.-]+$/.test(sibling) ? sibling : id}`,
  });
}

function notSetAsideError(taskId: string, cause: unknown): TaskQueueError {
  const code = isTaskQueueError(cause) ? cause.code : ErrorCode.brokerError;
  return new TaskQueueError(
    code,
    `A malformed message of task ${JSON.stringify(taskId)} cannot be set aside and stays in its queue: ${(cause as Error).message}`,
    { cause },
  );
}
