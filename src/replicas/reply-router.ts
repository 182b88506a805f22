import { settledWithin } from '../errors/deadline.ts';
import { retry } from '../errors/retry.ts';
import { ErrorCode, hasCode, isTaskQueueError, TaskQueueError } from '../errors/task-queue-error.ts';
import type { ResolvedOptions } from '../options/task-queue-options.ts';
import type { TaskQueueClient } from '../task-queue-client.ts';
import type { OpenQuestions } from './open-questions.ts';
import type { QuestionAddress } from './question-address.ts';
import { isClientTask, type RpcMessage } from './sdk-shapes.ts';

/** What is said about a question: its answer, how far the answer is, or that its task ended without one. */
export type ReplyKind = 'answer' | 'progress' | 'ended';

/** The SDK's own error for a question whose task was cleared. */
const ENDED = { jsonrpc: '2.0', error: { code: -32603, message: 'Task cancelled or completed' } };

/** In place of an answer that no queue takes, so that the asker need not wait for its timeout. */
const TOO_LARGE = {
  jsonrpc: '2.0',
  error: { code: -32603, message: 'The answer is too large to be passed on' },
};

const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 2_000;
/** For the client, its answer has arrived; nobody asks it again. */
const GIVE_UP_MS = 120_000;

/** What waits to be passed on, at most. */
const MAX_PENDING_BYTES = 64 * 1024 * 1024;

const PERMANENT_ERRORS: readonly ErrorCode[] = [
  ErrorCode.queueNotFound,
  ErrorCode.closed,
  ErrorCode.accessRefused,
  ErrorCode.messageTooLarge,
];

/** Routes answers and progress to the asker, here or in another process. */
export class ReplyRouter {
  readonly #instance: string;
  readonly #client: TaskQueueClient;
  readonly #questions: OpenQuestions;
  readonly #warn: (warning: TaskQueueError) => void;
  readonly #queue: { open(): Promise<void> };
  readonly #openWithinMs: number;
  #opening: Promise<void> | undefined;
  #isOpen = false;
  readonly #pending = new Set<Promise<void>>();
  #pendingBytes = 0;

  constructor(
    instance: string,
    client: TaskQueueClient,
    questions: OpenQuestions,
    { warn, retryUnconfirmedMs }: Pick<ResolvedOptions, 'warn' | 'retryUnconfirmedMs'>,
  ) {
    this.#instance = instance;
    this.#client = client;
    this.#questions = questions;
    this.#warn = warn;
    this.#openWithinMs = retryUnconfirmedMs;
    this.#queue = client.receiveReplies(instance, (body) => this.#receive(body));
  }

  /** Whether answers can be received. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Resolves when answers can be received. @throws TaskQueueError */
  open(): Promise<void> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async #open(): Promise<void> {
    try {
      // Where the connection is lost, a question waits for this as long as for its confirm.
      await retry(() => this.#queue.open(), {
        giveUpAt: performance.now() + this.#openWithinMs,
        mayRetry: (error) => hasCode(error, ErrorCode.connectionLost),
        pauseMs: FIRST_RETRY_MS,
        longestPauseMs: LAST_RETRY_MS,
      });
      this.#isOpen = true;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  /** Never fails: an answer that cannot be passed on at once is kept in memory, and tried again. */
  send(address: QuestionAddress, kind: ReplyKind, message: RpcMessage = {}): void {
    if (address.instance === this.#instance) {
      this.#reply(address.serial, kind, message);
      return;
    }
    const body = Buffer.from(JSON.stringify({ serial: address.serial, kind, message }));
    if (this.#pendingBytes + body.length > MAX_PENDING_BYTES) {
      this.#warnOfReply('too many others are waiting');
      return;
    }
    this.#pendingBytes += body.length;
    const pending = this.#publish(address, kind, message, body).finally(() => {
      this.#pendingBytes -= body.length;
      this.#pending.delete(pending);
    });
    this.#pending.add(pending);
  }

  /** Resolves when nothing waits to be passed on, or when the time is up. */
  flush(timeoutMs: number): Promise<void> {
    return settledWithin(Promise.all(this.#pending), timeoutMs);
  }

  async #publish(
    address: QuestionAddress,
    kind: ReplyKind,
    message: RpcMessage,
    body: Buffer,
  ): Promise<void> {
    try {
      await retry(() => this.#client.sendReply(address.instance, body), {
        // The next progress follows; an answer comes once.
        attempts: kind === 'progress' ? 1 : Number.POSITIVE_INFINITY,
        giveUpAt: performance.now() + GIVE_UP_MS,
        mayRetry: (error) => isTaskQueueError(error) && !PERMANENT_ERRORS.includes(error.code),
        pauseMs: FIRST_RETRY_MS,
        longestPauseMs: LAST_RETRY_MS,
      });
    } catch (error) {
      // The asker is gone, and the question with it.
      if (kind === 'progress' || hasCode(error, ErrorCode.queueNotFound)) return;
      this.#warnOfReply((error as Error).message, error);
      if (hasCode(error, ErrorCode.messageTooLarge) && message !== TOO_LARGE)
        this.send(address, kind, TOO_LARGE);
    }
  }

  #receive(body: Buffer): void {
    const reply = parseReply(body);
    if (reply === undefined) this.#warnOfReply('it could not be decoded');
    else this.#reply(reply.serial, reply.kind, reply.message);
  }

  /** A question that is not open was answered before, was given up, or was never asked: nothing comes of it. */
  #reply(serial: string, kind: ReplyKind, message: RpcMessage): void {
    const questions = this.#questions;
    const question = kind === 'progress' ? questions.findForProgress(serial) : questions.find(serial);
    if (question === undefined) return;
    const { asker, messageId } = question;
    if (kind === 'progress') {
      const params = { ...message.params, progressToken: messageId };
      asker.receive({ ...message, params });
      return;
    }
    questions.answer(question, isClientTask(message));
    asker.receive({ ...(kind === 'ended' ? ENDED : message), id: messageId });
  }

  #warnOfReply(reason: string, cause?: unknown): void {
    const code = isTaskQueueError(cause) ? cause.code : ErrorCode.brokerError;
    this.#warn(
      new TaskQueueError(code, `An answer was lost on its way to the process that asked: ${reason}`, {
        cause,
      }),
    );
  }
}

/** `undefined` for what is none: anybody may publish to the queue. */
function parseReply(body: Buffer): { serial: string; kind: ReplyKind; message: RpcMessage } | undefined {
  try {
    const { serial, kind, message } = JSON.parse(body.toString());
    const isKnown = kind === 'answer' || kind === 'progress' || kind === 'ended';
    const isMessage = typeof message === 'object' && message !== null;
    return typeof serial === 'string' && isKnown && isMessage ? { serial, kind, message } : undefined;
  } catch {
    return undefined;
  }
}
