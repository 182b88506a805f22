import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { describe, expect, inject, test } from 'vitest';
import { FaultProxy } from '../support/fault-proxy.ts';
import { extent, noteFigures } from '../support/figures.ts';
import { RawAmqp } from '../support/raw-amqp.ts';
import { newRawTask, openRawAmqp, queueOf } from '../support/raw-tasks.ts';
import { SEED } from '../support/seed.ts';
import { type Account, type Audit, complaints, isCertain, missing } from '../support/task-ledger.ts';
import { numberOf, TaskOperations } from '../support/task-operations.ts';
import { anySteps, type Step } from '../support/task-steps.ts';
import { openClient, openQueue } from '../support/tasks.ts';

const ROWS = extent(4, 400);
const STEPS = 25;
/** How long what a broken connection held may take to be back. */
const RETURN_MS = 30_000;
/** How an operation may fail whose connection is cut, or whose queue is deleted. */
const ALLOWED_FAILURES = {
  cut: /^(CONNECTION_LOST|CONNECTION_FAILED|PUBLISH_UNCONFIRMED|TIMEOUT):|^status [137]:/,
  delete: /^(QUEUE_NOT_FOUND|PUBLISH_REJECTED|PUBLISH_UNCONFIRMED):|^status [135]:/,
};

describe(`random operations on two tasks (TASKQ_TEST_SEED=${SEED})`, () => {
  test(`${ROWS} rows of ${STEPS}, some with connections cut or queues deleted, lose, repeat and reorder nothing`, {
    timeout: extent(120_000, 3_600_000),
  }, async () => {
    const faults = { cut: 0, delete: 0 };
    for (const [index, steps] of anySteps(ROWS, STEPS, SEED).entries()) {
      const run = await Run.begin();
      for (const [at, step] of steps.entries()) {
        const place = `row ${index}, step ${at} (${said(step)}) after: ${steps.slice(0, at).map(said).join('; ')}`;
        expect(await run.do(step), place).toEqual([]);
        if (step.fault) faults[step.fault.kind]++;
      }
      expect(await run.end(), `row ${index}: ${steps.map(said).join('; ')}`).toEqual([]);
    }
    noteFigures({ seed: SEED, operations: ROWS * STEPS, ...faults, 'lost, repeated, reordered': 0 });
  });
});

function said({ operation, task, count, fault }: Step): string {
  return `${operation} ${task} ${count}${fault ? `, ${fault.kind} after ${fault.afterBytes} bytes` : ''}`;
}

type Numbers = [number[], number[]];

/** Two tasks, and what should be in them. */
class Run {
  #tasks: [string, string] = [newRawTask('first'), newRawTask('second')];
  #model: Numbers = [[], []];
  /** What `dequeue` and `take` took in the last steps. They do not wait until the broker has heard of it. */
  #taken: { task: 0 | 1; number: number; step: number }[] = [];
  #steps = 0;
  readonly #proxy: FaultProxy;
  /** Not through the proxy. */
  readonly #amqp: RawAmqp;
  readonly #operations: TaskOperations;

  private constructor(proxy: FaultProxy, amqp: RawAmqp) {
    this.#proxy = proxy;
    this.#amqp = amqp;
    const { url } = proxy;
    this.#operations = new TaskOperations({ url, client: openClient({ url }), queue: openQueue({ url }) });
  }

  static async begin(): Promise<Run> {
    return new Run(await FaultProxy.inFrontOf(inject('url')), await openRawAmqp());
  }

  /** @returns what is wrong after it */
  async do(step: Step): Promise<string[]> {
    this.#steps++;
    return step.fault ? this.#doWithFault(step, step.fault) : this.#doUndisturbed(step);
  }

  /** @returns what is wrong with what is in the queues */
  async end(): Promise<string[]> {
    const inQueues = await this.#look();
    const wrong = (['first', 'second'] as const).map((name, task) => {
      const [is, should] = [inQueues[task], this.#model[task]];
      return String(is) === String(should) ? '' : `the ${name} queue has ${is} instead of ${should}`;
    });
    return wrong.filter(Boolean);
  }

  /** The model says exactly what comes of it. */
  async #doUndisturbed(step: Step): Promise<string[]> {
    const { operation, task, count } = step;
    const [model, other] = [this.#model[task], this.#model[1 - task] as number[]];
    const account = await this.#perform(step);
    if (account.failure !== undefined) return [`it failed without a fault: ${account.failure}`];
    let handed: number[] = [];
    if (operation === 'dequeue' || operation === 'take') {
      handed = model.splice(0, 1);
      this.#taken.push(...handed.map((number) => ({ task, number, step: this.#steps })));
    }
    if (operation === 'peek') handed = model.slice(0, count);
    if (operation === 'drain') handed = model.splice(0, count);
    if (operation === 'dequeueAll' || operation === 'clear') handed = model.splice(0);
    if (operation === 'mv') other.push(...model.splice(0, count));
    if (operation === 'delete') model.splice(0);
    model.push(...account.published);
    if (String(account.handed) === String(handed)) return [];
    return [`it handed over ${account.handed} instead of ${handed}`];
  }

  /** What has come of it is looked at, and compared with what it said. */
  async #doWithFault(step: Step, fault: NonNullable<Step['fault']>): Promise<string[]> {
    const { operation, task } = step;
    const isPublish = operation === 'enqueue' || operation === 'replay';
    const target = operation === 'mv' ? ((1 - task) as 0 | 1) : task;
    // Of a move the one queue or the other.
    const victim = fault.afterBytes % 2 === 0 ? target : task;
    const before = this.#model;
    const { account, isHit } = await this.#performAmid(step, fault, victim);
    const wrong = allowedFailure(account, fault.kind);
    if (operation === 'peek') account.handed = [];
    const audit: Audit = {
      before,
      after: [[], []],
      account,
      mayReturn: fault.kind === 'cut' ? this.#takenLately() : undefined,
      ...(!isPublish && operation !== 'peek' && operation !== 'delete' && { reads: task }),
      ...((isPublish || operation === 'mv') && { writes: target }),
      ...(fault.kind === 'delete' && isHit && { deleted: victim }),
      ...(operation === 'delete' && { deleted: task }),
    };
    const giveUpAt = Date.now() + RETURN_MS;
    do {
      audit.after = await this.#look();
    } while (missing(audit).length > 0 && Date.now() < giveUpAt && (await sleep(20, true)));
    const lost = missing(audit);
    if (lost.length > 0) wrong.push(`lost: ${lost}`);
    wrong.push(...complaints(audit));
    if (isCertain(audit)) this.#model = audit.after as Numbers;
    else {
      // What comes later would not be known.
      this.#tasks = [newRawTask('first'), newRawTask('second')];
      this.#model = [[], []];
    }
    return wrong;
  }

  #takenLately(): Numbers {
    const lately = this.#taken.filter(({ step }) => this.#steps - step <= 3);
    return [0, 1].map((task) =>
      lately.filter((each) => each.task === task).map(({ number }) => number),
    ) as Numbers;
  }

  /** Meanwhile, when so many bytes have passed, connections are cut, or another client deletes a queue. */
  async #performAmid(
    step: Step,
    { kind, afterBytes }: NonNullable<Step['fault']>,
    victim: 0 | 1,
  ): Promise<{ account: Account; isHit: boolean }> {
    const passed = () => this.#proxy.sent + this.#proxy.received;
    const enough = passed() + afterBytes;
    let isOver = false;
    const strike = async () => {
      while (passed() < enough && !isOver) await turn();
      if (isOver) return false;
      if (kind === 'cut') this.#proxy.reset();
      else await this.#amqp.delete(queueOf(this.#tasks[victim]));
      return true;
    };
    const striking = strike();
    const account = await this.#perform(step);
    isOver = true;
    return { account, isHit: await striking };
  }

  async #perform(step: Step): Promise<Account> {
    const [from, to] = [this.#tasks[step.task], this.#tasks[1 - step.task] as string];
    if (step.operation === 'delete') await this.#amqp.delete(queueOf(from));
    return this.#operations.perform(step, from, to);
  }

  /** What is in the queues, which stays there. */
  async #look(): Promise<Numbers> {
    const [first, second] = this.#tasks.map(queueOf) as [string, string];
    return [
      (await RawAmqp.look(inject('url'), first)).map(numberOf),
      (await RawAmqp.look(inject('url'), second)).map(numberOf),
    ];
  }
}

function allowedFailure({ failure }: Account, kind: 'cut' | 'delete'): string[] {
  return failure === undefined || ALLOWED_FAILURES[kind].test(failure) ? [] : [`it failed: ${failure}`];
}
