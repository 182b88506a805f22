import { isUtf8 } from 'node:buffer';
import { Duration } from '@marcbachmann/cel-js/evaluator';
import { parseExactJson } from '../../cli-shared.ts';
import { plainProperties, type StoredMessage } from '../../index.ts';
import { asObject, summarize } from '../text/message-summary.ts';
import { UndatedError } from './filter-tally.ts';

/** In CEL, `type` is a function, so a variable cannot have that name. Expressions use `type` nevertheless. */
export const TYPE_VARIABLE = 'message_type';

/**
 * The variables of an expression for one message. Each is computed on access: a queue is filtered at thousands of
 * messages a second, and most expressions use one or two.
 */
export class FilterVariables {
  readonly #message: StoredMessage;
  readonly #now: () => number;
  #body: unknown;

  constructor(message: StoredMessage, now: () => number) {
    this.#message = message;
    this.#now = now;
  }

  get [TYPE_VARIABLE](): string {
    const { type } = asObject(this.body);
    return typeof type === 'string' ? type : '?';
  }

  get method(): string {
    const { method } = this.#rpc;
    return typeof method === 'string' ? method : '';
  }

  get id(): unknown {
    return this.#rpc.id ?? null;
  }

  get params(): unknown {
    return this.#rpc.params ?? null;
  }

  /** @throws UndatedError if the message does not say when it was queued: any age would be a guess */
  get age(): Duration {
    const { queuedAt } = summarize(this.#message);
    if (queuedAt === undefined) throw new UndatedError();
    return Duration.fromMilliseconds(Math.max(0, Math.round(this.#now() - queuedAt)));
  }

  get size(): bigint {
    return BigInt(this.#message.body.length);
  }

  get redelivered(): boolean {
    return this.#message.redelivered;
  }

  get task_id(): string {
    return this.#message.taskId;
  }

  /** Without AMQP type wrappers: a header 3 is the number 3, whichever client wrote it. */
  get properties(): object {
    return plainProperties(this.#message.properties);
  }

  /** As JSON; a string if it is not JSON, null if it is not text. */
  get body(): unknown {
    this.#body ??= parseBody(this.#message.body);
    return this.#body;
  }

  get #rpc(): { [name: string]: unknown } {
    return asObject(asObject(this.body).message);
  }
}

function parseBody(body: Buffer): unknown {
  if (!isUtf8(body)) return null;
  const text = body.toString();
  try {
    return parseExactJson(text);
  } catch {
    return text;
  }
}
