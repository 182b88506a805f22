import { setTimeout as sleep } from 'node:timers/promises';
import type { QueueDepth, TaskQueueDescription } from '../../index.ts';
import { CommandFailure } from '../command-failure.ts';
import type { ClientContext } from '../context.ts';
import { ExitCode } from '../exit-codes.ts';
import { describeInTime } from '../queues/describe-in-time.ts';
import { depthOrFail } from '../queues/missing-queue.ts';
import { formatCount, formatSize } from '../text/sizes.ts';
import { type DroppingRules, droppingRules, mayHaveDropped } from './dropping-rules.ts';

/** Description of `--force` of mv and cp. */
export const FORCE_BULK = 'allow quorum queues, where a look counts as a delivery, and a full destination';

/** The API knows the size of what has just come after some seconds, and may know its number a moment before. */
const STATISTICS_MS = 12_000;
const STATISTICS_INTERVAL_MS = 500;

/** Messages are missing at the destination, and are not known to have been read there; or they cannot be counted. */
export class DroppedFailure extends CommandFailure {}

interface Sized {
  body: { length: number };
}

/**
 * The queue that messages are moved or copied to. RabbitMQ confirms a message and then drops it, or the oldest one, by a
 * length limit or a TTL. So no message is added beyond a limit that is known; and after each batch the messages are
 * counted, before the batch is removed from where it came from.
 */
export class Destination {
  readonly #context: ClientContext;
  readonly #taskId: string;
  readonly #isForced: boolean;
  /** Messages in it, as last counted. */
  #messages: number;
  /** Messages that should be in it; `undefined` where consumers take them. */
  #expected: number | undefined;
  /** Bytes of bodies in it, at most; `undefined` if unknown. */
  #bytes: number | undefined;
  /** Its rules at the start, as far as they are known. */
  #rules: DroppingRules | undefined;
  #isMissing = false;
  #missing = 0;
  #addedAt: number | undefined;

  /**
   * @param isForced whether to add messages beyond a limit too; nothing is a failure then
   * @param create whether the queue may be missing
   * @throws CommandFailure (5) if it is missing and may not be
   */
  static async open(
    context: ClientContext,
    taskId: string,
    { isForced = false, create = true }: { isForced?: boolean | undefined; create?: boolean },
  ): Promise<Destination> {
    const depth = create ? await context.client.depth(taskId) : await depthOrFail(context, taskId);
    return new Destination(context, taskId, isForced, depth);
  }

  private constructor(
    context: ClientContext,
    taskId: string,
    isForced: boolean,
    depth: QueueDepth | undefined,
  ) {
    this.#context = context;
    this.#taskId = taskId;
    this.#isForced = isForced;
    this.#isMissing = depth === undefined;
    this.#messages = depth?.messages ?? 0;
    this.#bytes = this.#messages === 0 ? 0 : undefined;
    this.#expected = depth !== undefined && depth.consumers > 0 ? undefined : this.#messages;
  }

  /**
   * Looks up the limits of the queue, and refuses messages if it is known that some would be dropped.
   * @param count how many will be added, at least
   * @param whole the task whose messages are all that will be added, if so: their size can be known
   * @throws CommandFailure (1) unless forced, which makes it a note
   */
  async requireRoom(count: number, whole?: { taskId: string; messages: number }): Promise<void> {
    if (count === 0 || this.#isMissing) return;
    const described = await this.#describeOnce(
      (now) =>
        this.#isForced ||
        this.#bytes !== undefined ||
        (now?.ready === this.#messages && now.isBodyBytesCurrent) ||
        (now && droppingRules(now))?.bytes === undefined,
    );
    if (!described) return;
    const isStream = described.type === 'stream';
    if (isStream) this.#expected = undefined;
    this.#rules = isStream ? undefined : droppingRules(described);
    // Unless others add messages, or take some, all the time. By now it is current in any case.
    if (described.ready === this.#messages) this.#bytes ??= described.bodyBytes;
    const reason = this.#reasonAgainst(
      count,
      this.#rules?.bytes === undefined ? 0 : await this.#bytesOf(whole),
    );
    if (reason === undefined) return;
    if (!this.#isForced) throw refusal(reason);
    this.#context.note(`${reason}.`);
  }

  /**
   * As many of the first messages as the queue can keep.
   * @returns with the failure of the next one, unless all fit
   */
  fit<T extends Sized>(batch: readonly T[]): { fitting: readonly T[]; failure: CommandFailure | undefined } {
    let bytes = 0;
    for (const [index, { body }] of this.#isForced ? [] : batch.entries()) {
      const reason = this.#reasonAgainst(1, body.length, { messages: index, bytes });
      bytes += body.length;
      if (reason !== undefined) return { fitting: batch.slice(0, index), failure: refusal(reason) };
    }
    return { fitting: batch, failure: undefined };
  }

  /** For a dry run: counts messages as if they were added. @returns the failure of the first one that would not fit */
  checkFit(batch: readonly Sized[]): CommandFailure | undefined {
    const { fitting, failure } = this.fit(batch);
    this.add(fitting.length);
    if (this.#bytes !== undefined) for (const { body } of fitting) this.#bytes += body.length;
    if (failure === undefined || this.#addedAt === undefined) return failure;
    return new CommandFailure(ExitCode.partly, `${failure.message} by then`, { hint: failure.hint });
  }

  /** Messages have been added that are not to be verified before {@link end}. */
  add(count: number): void {
    if (count === 0) return;
    this.#addedAt ??= performance.now();
    this.#messages += count;
    if (this.#expected !== undefined) this.#expected += count;
  }

  /**
   * Counts the messages in the queue, after these were added.
   * @returns a failure if messages are missing and are not known to have been read, or cannot be counted: what was added has
   * to be kept elsewhere
   */
  async verify(added: readonly Sized[]): Promise<DroppedFailure | undefined> {
    if (added.length === 0) return undefined;
    this.add(added.length);
    if (this.#bytes !== undefined) for (const { body } of added) this.#bytes += body.length;
    const uncounted = await this.#count();
    if (uncounted !== undefined)
      return this.#isForced || this.#expected === undefined ? undefined : this.#uncounted(uncounted);
    // A queue that was deleted comes back with the next message; only then can be known why.
    if (this.#missing <= 0 || this.#isMissing || this.#isForced) return undefined;
    return (await this.#mayBeDropped()) ? this.#droppedFailure() : undefined;
  }

  /**
   * To be called after the last message. Notes how many messages are missing that have been read, and all of them if forced.
   * @returns the failure of {@link verify}
   */
  async end(): Promise<DroppedFailure | undefined> {
    if (this.#addedAt === undefined) return undefined;
    await this.#count();
    if (this.#missing <= 0) return undefined;
    const mayBeDropped = await this.#mayBeDropped();
    if (mayBeDropped && !this.#isForced) return this.#droppedFailure();
    this.#context.note(`${this.#describeMissing(!mayBeDropped)}.`);
    return undefined;
  }

  /**
   * How many of the messages that were rejected may be there: a queue that crashes also rejects what it has stored.
   * @param rejected how many
   */
  async mayHave(rejected: number): Promise<number> {
    if (rejected === 0) return 0;
    if ((await this.#count()) !== undefined || this.#expected === undefined) return rejected;
    return Math.min(rejected, Math.max(0, -this.#missing));
  }

  /** @returns why that is not possible */
  async #count(): Promise<Error | undefined> {
    let depth: QueueDepth | undefined;
    try {
      depth = await this.#context.client.depth(this.#taskId);
    } catch (error) {
      return error as Error;
    }
    this.#isMissing = depth === undefined;
    this.#messages = depth?.messages ?? 0;
    if (depth !== undefined && depth.consumers > 0) this.#expected = undefined;
    this.#missing = (this.#expected ?? this.#messages) - this.#messages;
    return undefined;
  }

  #droppedFailure(): DroppedFailure {
    return new DroppedFailure(ExitCode.partly, this.#describeMissing(false), {
      hint: this.#isMissing ? undefined : 'Change the policy of its queue; --force adds messages anyway.',
    });
  }

  /** Whether the rules of the queue may be why messages are missing. */
  async #mayBeDropped(): Promise<boolean> {
    const now = performance.now();
    const ageMs = now - (this.#addedAt ?? now);
    const rules = await this.#findRules();
    if (this.#expected === undefined) return false;
    const state = { messages: this.#messages, bytes: this.#bytes, ageMs };
    return rules === undefined || mayHaveDropped(rules, state);
  }

  /** The rules now; `undefined` where they cannot be known. */
  async #findRules(): Promise<DroppingRules | undefined> {
    if (this.#isMissing) return this.#rules;
    const described = await describeInTime(this.#context.settings, this.#taskId);
    if (described?.arePoliciesCurrent) return droppingRules(described);
    const kind = await this.#context.client.queueKind(this.#taskId).catch(() => undefined);
    // A stream always counts as empty.
    if (kind?.kind === 'stream') this.#expected = undefined;
    return undefined;
  }

  /** Its description once that is recent enough, or the last one; otherwise as {@link describeInTime}. */
  async #describeOnce(
    isEnough: (described: TaskQueueDescription | undefined) => boolean,
  ): Promise<TaskQueueDescription | undefined | null> {
    const giveUpAt = performance.now() + STATISTICS_MS;
    for (;;) {
      const described = await describeInTime(this.#context.settings, this.#taskId);
      if (described === null || isEnough(described)) return described;
      if (this.#context.stop.signal.aborted || performance.now() > giveUpAt) return described;
      await sleep(STATISTICS_INTERVAL_MS);
    }
  }

  /** How many bytes the bodies of all messages of a task have; `undefined` if the management API does not know. */
  async #bytesOf(task: { taskId: string; messages: number } | undefined): Promise<number | undefined> {
    const described = task && (await describeInTime(this.#context.settings, task.taskId));
    return described?.ready === task?.messages ? described?.bodyBytes : undefined;
  }

  /**
   * Why the queue cannot keep that many more messages; `undefined` if it can, or if that is not known.
   * @param before what will be added before them
   */
  #reasonAgainst(count: number, bytes = 1, before = { messages: 0, bytes: 0 }): string | undefined {
    if (this.#rules === undefined) return undefined;
    const messages = this.#messages + before.messages;
    const held = this.#bytes === undefined ? undefined : this.#bytes + before.bytes;
    const queue = `The queue of task ${JSON.stringify(this.#taskId)}`;
    const { messages: most, bytes: mostBytes, ttl } = this.#rules;
    // Consumers receive messages before these expire.
    if (ttl === 0 && this.#expected !== undefined)
      return `${queue} drops every message at once (message-ttl)`;
    if (most !== undefined && messages + count > most) {
      return (
        `${queue} keeps ${formatCount(most, 'message')} and drops the oldest beyond that (max-length), ` +
        `and it has ${formatCount(messages, 'message')}`
      );
    }
    if (mostBytes === undefined || (held !== undefined && held + bytes <= mostBytes)) return undefined;
    const now = held === undefined ? 'how much it has is not known' : `it has ${formatSize(held)}`;
    return `${queue} keeps ${formatSize(mostBytes)} and drops the oldest messages beyond that (max-length-bytes), and ${now}`;
  }

  #uncounted(cause: Error): DroppedFailure {
    const why = `${cause.message}; a policy of its queue may have dropped some`;
    return new DroppedFailure(
      ExitCode.partly,
      `The messages added to task ${JSON.stringify(this.#taskId)} cannot be counted: ${why}`,
      { cause, hint: '--force does not count them.' },
    );
  }

  #describeMissing(isRead: boolean): string {
    const are = this.#missing === 1 ? 'is' : 'are';
    const why = this.#isMissing
      ? 'its queue was deleted'
      : isRead
        ? 'a reader has taken them, its queue was purged or deleted, or a policy set meanwhile has dropped them'
        : 'dropped by a policy of its queue (max-length, max-length-bytes, message-ttl, expires), unless a reader has taken them or the queue was purged or deleted';
    return `${formatCount(this.#missing, 'message')} ${are} not in task ${JSON.stringify(this.#taskId)} any more: ${why}`;
  }
}

/** With a message-ttl of 0, fewer messages would not stay either. */
function refusal(reason: string): CommandFailure {
  const remedy = reason.endsWith('(message-ttl)')
    ? 'Raise or remove message-ttl'
    : 'Make room, add fewer messages with -n, raise the limit, or set overflow to reject-publish';
  return new CommandFailure(ExitCode.failed, reason, { hint: `${remedy}; --force adds them anyway.` });
}
