import { parseMessageInput } from '../../src/cli-support.ts';
import type { RabbitMQTaskMessageQueue, StoredMessage, TaskQueueClient } from '../../src/index.ts';
import { encodeQueuedMessage, encodeRecord, isTaskQueueError } from '../../src/index.ts';
import { runCli } from './cli.ts';
import type { Account } from './task-ledger.ts';
import type { Step } from './task-steps.ts';
import { numbered } from './tasks.ts';

/** Statuses of `mv` when there is nothing to move. */
const [NO_QUEUE, EMPTY] = [5, 6];

/** The number of a message that {@link numbered} made. */
export function numberOf({ body }: { body: Buffer }): number {
  return JSON.parse(body.toString()).message.params.data;
}

/** What operates on the tasks: the library in two forms, and commands at the same URL. */
export interface Operators {
  url: string;
  client: TaskQueueClient;
  queue: RabbitMQTaskMessageQueue;
}

/** The operations of {@link Step}, but `delete`, and the account of each. A file of drained records is kept in between. */
export class TaskOperations {
  readonly #operators: Operators;
  #records: string[] = [];
  #next = 0;

  constructor(operators: Operators) {
    this.#operators = operators;
  }

  /** Never rejects: the account says how it failed. */
  async perform({ operation, count }: Step, from: string, to: string): Promise<Account> {
    const { client, queue } = this.#operators;
    const account: Account = {
      published: [],
      confirmed: new Set(),
      refused: new Set(),
      handed: [],
      removed: 0,
    };
    const hand = (batch: StoredMessage[]) => void account.handed.push(...batch.map(numberOf));
    const attempt = async (work: () => Promise<number | undefined>) => {
      try {
        account.removed = (await work()) ?? 0;
      } catch (error) {
        account.failure = nameOf(error);
      }
    };
    switch (operation) {
      case 'enqueue':
        await this.#enqueue(from, count, account);
        break;
      case 'replay':
        await this.#replay(from, account);
        break;
      case 'dequeue':
        await attempt(async () => {
          const message = await queue.dequeue(from);
          if (message) hand([{ body: encodeQueuedMessage(message) } as StoredMessage]);
          // The acknowledgement is on its way.
          return 0;
        });
        break;
      case 'take':
        await attempt(async () => {
          await client.take(from, (message) => hand([message]));
          return 0;
        });
        break;
      case 'peek':
        await attempt(async () => {
          hand(await client.peek(from, { limit: count }));
          return 0;
        });
        break;
      case 'dequeueAll':
        await attempt(async () => {
          for (const message of await queue.dequeueAll(from)) {
            hand([{ body: encodeQueuedMessage(message) } as StoredMessage]);
          }
          return account.handed.length;
        });
        break;
      case 'clear':
        await attempt(() => client.clear(from, hand));
        break;
      case 'drain':
        await this.#drain(from, count, account);
        break;
      case 'mv':
        await this.#move(from, to, count, account);
        break;
    }
    return account;
  }

  async #enqueue(task: string, count: number, account: Account): Promise<void> {
    const { client, queue } = this.#operators;
    const numbers = Array.from({ length: count }, () => this.#next++);
    await this.#publish(numbers, account, (number) =>
      count % 2 === 0
        ? queue.enqueue(task, numbered(number))
        : client.publish(task, { body: encodeQueuedMessage(numbered(number)) }),
    );
  }

  async #replay(task: string, account: Account): Promise<void> {
    const messages = this.#records.splice(0).map((line) => parseMessageInput(line));
    await this.#publish(messages, account, (message) => this.#operators.client.publish(task, message));
  }

  async #publish<T extends number | { body: Buffer }>(
    items: T[],
    account: Account,
    publish: (item: T) => Promise<unknown>,
  ): Promise<void> {
    await Promise.all(
      items.map(async (item) => {
        const number = typeof item === 'number' ? item : numberOf(item);
        account.published.push(number);
        try {
          await publish(item);
          account.confirmed.add(number);
        } catch (error) {
          account.failure ??= nameOf(error);
          if (!(isTaskQueueError(error) && error.code === 'PUBLISH_UNCONFIRMED')) account.refused.add(number);
        }
      }),
    );
  }

  async #drain(task: string, limit: number, account: Account): Promise<void> {
    const records: string[] = [];
    try {
      account.removed = await this.#operators.client.drain(
        task,
        (batch) => {
          account.handed.push(...batch.map(numberOf));
          records.push(...batch.map(encodeRecord));
        },
        { limit },
      );
      // What may come back is not replayed: nobody could tell where it is then.
      this.#records.push(...records);
    } catch (error) {
      account.failure = nameOf(error);
    }
  }

  async #move(from: string, to: string, count: number, account: Account): Promise<void> {
    const { status, stderr } = await runCli(['mv', from, to, '-n', String(count)], {
      env: { MCP_TASKQ_URL: this.#operators.url },
    });
    if (![0, NO_QUEUE, EMPTY].includes(status ?? -1)) account.failure = `status ${status}: ${stderr}`;
  }
}

function nameOf(error: unknown): string {
  return isTaskQueueError(error) ? `${error.code}: ${error.message}` : `not an error of ours: ${error}`;
}
