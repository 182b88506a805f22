import { hostname } from 'node:os';
import { SharedRuns } from '../concurrency/shared-runs.ts';
import { ErrorCode, TaskQueueError } from '../errors/task-queue-error.ts';
import { forgetOldest } from '../forget-oldest.ts';
import { defaultProperties } from '../messages/default-properties.ts';
import { ASKED_BY_HEADER, replyQueueName } from '../messages/reply-queues.ts';
import type { MessageProperties } from '../properties/message-properties.ts';
import { MessageQueues } from '../sdk/message-queues.ts';
import { DeliveredQuestions, OpenQuestions } from './open-questions.ts';
import { type QuestionAddress, type Recipient, randomToken, Seals } from './question-address.ts';
import { type ReplicasOptions, resolveReplicasOptions } from './replica-options.ts';
import { ReplyRouter } from './reply-router.ts';
import type { MessageOrigin } from './sdk-shapes.ts';
import { TaskOwners } from './task-owners.ts';

/** Answers that were passed on are remembered, so that one repeated by a client costs nothing. */
const MAX_ANSWERED = 10_000;

/**
 * What the server objects of one process share: connections, questions, the way for answers, and the order of their calls,
 * in which each has keys of its own.
 */
export class ReplicaCore extends MessageQueues {
  readonly instance = randomToken();
  readonly questions = new OpenQuestions(this.instance);
  readonly delivered = new DeliveredQuestions();
  /** Those of a task would only hide messages from each other, and keep its queue from being deleted. */
  readonly clearings = new SharedRuns<void>();
  readonly replies: ReplyRouter;
  readonly owners: TaskOwners;
  readonly seals: Seals;
  readonly #principal: (origin: MessageOrigin) => string | undefined;
  readonly #answered = new Set<string>();

  constructor(options: ReplicasOptions) {
    const { secret, principal, queueOptions } = resolveReplicasOptions(options);
    super(queueOptions);
    this.replies = new ReplyRouter(this.instance, this.client, this.questions, this.options);
    this.seals = new Seals(secret);
    this.owners = new TaskOwners(this.seals);
    this.#principal = principal;
  }

  /** Who a message of this origin comes from. */
  recipient(origin: MessageOrigin, session = ''): Recipient {
    return { principal: this.principal(origin), session };
  }

  principal(origin: MessageOrigin): string | undefined {
    let principal: unknown;
    try {
      principal = this.#principal(origin);
    } catch (cause) {
      throw this.#principalError('threw an error', cause);
    }
    if (principal === undefined || typeof principal === 'string') return principal;
    const what = principal instanceof Promise ? 'a promise' : typeof principal;
    throw this.#principalError(`must return a string or undefined, not ${what}`);
  }

  /** What the application's own error says is not for the client. The SDK shows this one to nobody else. */
  #principalError(problem: string, cause?: unknown): TaskQueueError {
    const error = new TaskQueueError(ErrorCode.invalidArgument, `Option principal ${problem}`, { cause });
    this.options.warn(error);
    return error;
  }

  /** They say whose task it is; operators also see of a question who asked, and where its answer goes. */
  properties(taskId: string, isQuestion: boolean): MessageProperties {
    const owner = this.owners.headers(taskId);
    const properties = { ...defaultProperties(), ...(owner && { headers: owner }) };
    if (!isQuestion) return properties;
    return {
      ...properties,
      reply_to: replyQueueName(this.instance, this.client.prefix),
      headers: { ...owner, [ASKED_BY_HEADER]: `${hostname()}:${process.pid}` },
    };
  }

  /** Whether this question was answered through this process. */
  isAnswered({ serial }: QuestionAddress): boolean {
    return this.#answered.has(serial);
  }

  /** False when this question was answered through this process before. */
  noteAnswer({ serial }: QuestionAddress): boolean {
    if (this.#answered.has(serial)) return false;
    this.#answered.add(serial);
    forgetOldest(this.#answered, MAX_ANSWERED);
    return true;
  }

  /** Ends the wait for answers about a task that is over. */
  endQuestions(taskId: string): void {
    for (const address of this.delivered.takeAll(taskId)) this.replies.send(address, 'ended');
  }
}
