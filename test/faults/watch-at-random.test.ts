import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, inject, test } from 'vitest';
import { type StoredMessage, type TaskQueueClient, watchTasks } from '../../src/index.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { extent, noteFigures } from '../support/figures.ts';
import { SEED } from '../support/seed.ts';
import { newTask, observer, openClient } from '../support/tasks.ts';
import { until } from '../support/until.ts';

/** A broker or process that takes longer for next to nothing delivers events later than a watch waits for them. */
const LATE_MS = 100;

/** Of each kind. */
const ROUNDS = extent(6, 48);
const STEPS = 12;

/** What may happen in a round besides publishing, and what else is so in it. */
const KINDS = {
  'publishers with and without events': { does: [], mayHide: true },
  'readers who take, hold, give back, drain and clear, and replays': {
    does: ['take', 'hold', 'refuse', 'drain', 'clear', 'replay'],
    mayHide: true,
  },
  // What comes while they remove something is not counted, where the watch may not look.
  'readers without events': {
    does: ['take', 'hold', 'refuse', 'drain', 'clear'],
    mayHide: false,
    areSilent: true,
  },
  // Only what has an id is known to have been shown when its event is missing.
  interruptions: {
    does: ['take', 'hold', 'refuse', 'drain', 'clear', 'publish', 'cut'],
    mayHide: false,
    haveIds: true,
  },
} as const satisfies Record<
  string,
  { does: readonly Step['does'][]; mayHide: boolean; areSilent?: true; haveIds?: true }
>;
type Kind = (typeof KINDS)[keyof typeof KINDS];

interface Step {
  does: 'publish' | 'foreign' | 'both' | 'take' | 'hold' | 'refuse' | 'drain' | 'clear' | 'replay' | 'cut';
  count: number;
  hasId: boolean;
  /** All such messages have the same body. */
  isAlike: boolean;
  /** Whether the reader publishes no events. */
  isSilent: boolean;
  holdMs: number;
  pauseMs: number;
}

interface Round {
  steps: Step[];
  peek: boolean;
  tail: number;
  /** How often the watcher pauses. */
  slowness: number;
}

const anyRound = (kind: Kind): fc.Arbitrary<Round> =>
  fc.record({
    steps: fc.array(
      fc.record({
        does: fc.oneof(
          fc.constantFrom<Step['does'][]>('publish', 'foreign', 'both'),
          ...(kind.does.length > 0 ? [fc.constantFrom<Step['does'][]>(...kind.does)] : []),
        ),
        count: fc.integer({ min: 1, max: 6 }),
        hasId: fc.boolean(),
        isAlike: fc.constantFrom(true, false, false, false, false),
        isSilent: 'areSilent' in kind ? fc.boolean() : fc.constant(false),
        holdMs: fc.integer({ min: 0, max: 1_500 }),
        pauseMs: fc.constantFrom(0, 0, 5, 50, 300, 700),
      }),
      { minLength: STEPS, maxLength: STEPS },
    ),
    peek: kind.mayHide ? fc.constantFrom(true, true, true, false) : fc.constant(true),
    tail: fc.constantFrom(1, 3),
    slowness: fc.constantFrom(0, 0, 0, 0.3),
  });

type Publisher = 'ours' | 'foreign';

/** One task, its publishers and readers, and what happened to its messages. Each is known by its body. */
class Task {
  readonly id = newTask();
  readonly published: Record<Publisher, string[]> = { ours: [], foreign: [] };
  /** What a reader had in hand has lost its place in the order of what is found. */
  readonly touched = new Set<string>();
  /** What was given back and has no id, is not recognised. */
  readonly unrecognised = new Set<string>();
  /** A replay that comes right after a look is taken for what the look has found. */
  readonly replayed = new Set<string>();
  readonly #clients = { ours: openClient(), foreign: openClient({ events: 'off' }) };
  readonly #kind: Kind;
  readonly #taken: StoredMessage[] = [];
  readonly #holding: Promise<unknown>[] = [];
  #serial = 0;

  constructor(kind: Kind) {
    this.#kind = kind;
  }

  async do(step: Step, peek: boolean): Promise<void> {
    const reader = this.#clients[step.isSilent ? 'foreign' : 'ours'];
    const keep = (batch: StoredMessage[]) => {
      for (const message of batch) this.touched.add(textOf(message));
      this.#taken.push(...batch);
    };
    if (step.does === 'publish' || step.does === 'both') this.#holding.push(this.publish('ours', step));
    if (step.does === 'foreign' || step.does === 'both') this.#holding.push(this.publish('foreign', step));
    if (step.does === 'take') await this.#take(reader, 0, false);
    if (step.does === 'hold') this.#holding.push(this.#take(reader, step.holdMs, false));
    // Only a look tells that it was there before.
    if (step.does === 'refuse') this.#holding.push(this.#take(reader, step.holdMs, peek));
    if (step.does === 'drain') await reader.drain(this.id, keep, { limit: step.count });
    if (step.does === 'clear') await reader.clear(this.id, keep, { keepQueue: true });
    if (step.does === 'replay') {
      const { body, properties } = this.#taken.pop() ?? {};
      if (properties?.message_id === undefined || body?.toString().startsWith('ours') !== true) return;
      this.published.ours.push(body.toString());
      this.replayed.add(body.toString());
      await this.#clients.ours.publish(this.id, { body, properties });
    }
  }

  async publish(who: Publisher, { count, hasId, isAlike }: Pick<Step, 'count' | 'hasId' | 'isAlike'>) {
    const haveIds = 'haveIds' in this.#kind;
    for (let index = 0; index < count; index++) {
      const text = isAlike && !haveIds ? `${who} alike` : `${who} ${++this.#serial}`;
      const isNamed = haveIds ? who === 'ours' : hasId && !isAlike;
      this.published[who].push(text);
      const properties = { delivery_mode: 2, ...(isNamed && { message_id: text }) };
      await this.#clients[who].publish(this.id, { body: Buffer.from(text), properties });
    }
  }

  /** @returns false while a look holds all of them */
  async takeOne(): Promise<boolean> {
    const before = this.#taken.length;
    await this.#take(this.#clients.ours, 0, false);
    return this.#taken.length > before;
  }

  async settle(): Promise<void> {
    await Promise.all(this.#holding);
  }

  async texts(): Promise<string[]> {
    return (await this.#clients.ours.peek(this.id, { limit: 500 })).map(textOf);
  }

  async #take(reader: TaskQueueClient, holdMs: number, isRefused: boolean): Promise<void> {
    const refusal = new Error('refused');
    const taking = reader.take(this.id, async (message) => {
      const text = textOf(message);
      this.touched.add(text);
      if (isRefused && message.properties.message_id === undefined) this.unrecognised.add(text);
      await sleep(holdMs);
      if (isRefused) throw refusal;
      this.#taken.push(message);
    });
    await taking.catch((error) => {
      if (error !== refusal) throw error;
    });
  }
}

const textOf = ({ body }: StoredMessage) => body.toString();

/** @returns the promises that were not kept, and whether the machine was too late for all of them to be judged */
async function play({ steps, peek, tail, slowness }: Round, kind: Kind) {
  const task = new Task(kind);
  await task.publish('ours', { count: 1, hasId: true, isAlike: false });
  const proxy = await FaultProxy.inFrontOf(inject('url'));
  const shown: string[] = [];
  let missed = 0;
  /** The broker was too slow at the end. */
  let isUncounted = false;
  let losses = 0;
  let isLost = false;
  let removedAt = 0;
  const stop = new AbortController();
  const lateness = { longestMs: 0 };
  const measuring = measureLateness(lateness, task.id, stop.signal);
  const options = { tail, peek, removals: true, signal: stop.signal };
  let hasBegun = false;
  const watching = (async () => {
    for await (const item of watchTasks(openClient({ url: proxy.url }), [task.id], options)) {
      hasBegun = true;
      if (item.kind === 'message') shown.push(textOf(item.message));
      if (item.kind === 'gap') missed += item.missed ?? 0;
      if (item.kind === 'gap' && item.reason.includes('not counted')) isUncounted = true;
      if (item.kind === 'dequeued') removedAt = item.at;
      if (item.kind === 'interrupted') losses++;
      if (item.kind === 'interrupted' || item.kind === 'resumed') isLost = item.kind === 'interrupted';
      if (Math.random() < slowness) await sleep(20);
    }
  })();
  await until(() => hasBegun);
  // What is missing among a publisher's events is known from the first that arrives.
  await task.publish('ours', { count: 1, hasId: true, isAlike: false });
  await until(() => shown.includes('ours 2'));
  // An event of a removal counts from here on: one that comes sooner may be about what was removed before the first look.
  await sleep(250);
  for (const step of steps) {
    if (step.does === 'cut') {
      const [before, wasLost] = [losses, isLost];
      proxy.reset();
      await until(() => wasLost || losses > before);
    } else await task.do(step, peek);
    await sleep(step.pauseMs);
  }
  await task.settle();
  await until(() => !isLost);
  // Its event says what was missed before it.
  await task.publish('ours', { count: 1, hasId: true, isAlike: false });
  await until(() => shown.includes(task.published.ours.at(-1) as string));
  // It may have been found: with this event, all before it have come.
  const startedAt = Date.now();
  await until(() => task.takeOne());
  await until(() => removedAt >= startedAt);
  // The next look at the depth is over, also where the broker is late.
  await sleep(700 + 4 * lateness.longestMs);
  // With this one, the queue is deeper than events explain, whatever readers did before.
  await task.publish('foreign', { count: 1, hasId: false, isAlike: false });
  stop.abort();
  await watching;
  await measuring;
  const isLate = isUncounted || lateness.longestMs > LATE_MS;
  return { isLate, wrong: isUncounted ? [] : await complaints(task, shown, missed, isLate) };
}

/** How much longer than it should a reading of the depth and a pause have taken. */
async function measureLateness(lateness: { longestMs: number }, taskId: string, signal: AbortSignal) {
  while (!signal.aborted) {
    const since = performance.now();
    await observer().depth(taskId);
    await sleep(50);
    lateness.longestMs = Math.max(lateness.longestMs, performance.now() - since - 50);
  }
}

/** @param isLate where events are late, messages are shown or counted twice, as the page on watching says; but none is lost */
async function complaints(task: Task, shown: string[], missed: number, isLate: boolean): Promise<string[]> {
  const { ours, foreign } = task.published;
  const all = [...ours, ...foreign];
  const notShown = (texts: string[]) => sum(excess(texts, shown).values());
  const again = excess(shown, all);
  const wrong: string[] = [];
  for (const [text, count] of again)
    if (!isLate && !task.unrecognised.has(text)) wrong.push(`${text} is shown ${count} times too often`);
  const lost = notShown(ours.filter((text) => !task.replayed.has(text)));
  if (lost > missed) wrong.push(`${lost} with events are not shown, ${missed} are counted`);
  const hidden = notShown(await task.texts());
  if (hidden > missed) wrong.push(`${hidden} in the queue are not shown, ${missed} are counted`);
  if (!isLate && missed > notShown(all)) wrong.push(`${notShown(all)} are not shown, ${missed} are counted`);
  for (const who of ['ours', 'foreign'] as const) {
    const numbers = [...new Set(shown)]
      .filter((text) => !task.touched.has(text) && new RegExp(`^${who} \\d+$`).test(text))
      .map((text) => Number(text.slice(who.length)));
    if (numbers.some((number, index) => number < (numbers[index - 1] ?? 0)))
      wrong.push(`the order of ${who} is ${numbers.join(' ')}`);
  }
  return wrong;
}

/** How much more often each text is in the first list. */
function excess(texts: string[], others: string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  for (const text of others) if (counts.has(text)) counts.set(text, (counts.get(text) ?? 0) - 1);
  return new Map([...counts].filter(([, count]) => count > 0));
}

function sum(numbers: Iterable<number>): number {
  return [...numbers].reduce((total, each) => total + each, 0);
}

const AT_ONCE = 24;

test(`a watch keeps its promises in random rounds (TASKQ_TEST_SEED=${SEED})`, {
  timeout: 3_600_000,
}, async () => {
  const rounds = Object.entries(KINDS).flatMap(([name, kind]) =>
    fc.sample(anyRound(kind), { numRuns: ROUNDS, seed: SEED }).map((round, index) => ({
      place: `${name}, round ${index}${round.peek ? '' : ' without looks'}`,
      play: () => play(round, kind),
    })),
  );
  const wrong: string[] = [];
  let late = 0;
  for (let start = 0; start < rounds.length; start += AT_ONCE)
    await Promise.all(
      rounds.slice(start, start + AT_ONCE).map(async ({ place, play }) => {
        const outcome = await play();
        if (outcome.isLate) late++;
        for (const each of outcome.wrong) wrong.push(`${place}: ${each}`);
      }),
    );
  expect(wrong).toEqual([]);
  noteFigures({ seed: SEED, rounds: rounds.length, late });
});
