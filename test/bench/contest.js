import { setTimeout as sleep } from 'node:timers/promises';
import { times } from './report.js';
import { median, medianInterval, quartiles } from './statistics.js';

/** RabbitMQ is still at work on messages that it has confirmed: it is to be idle when the time begins. */
const SETTLE_MS = 50;

/**
 * @typedef {object} Contestant
 * @property {string} name
 * @property {() => Promise<unknown>} [prepare] before each run, not timed
 * @property {() => Promise<unknown>} [run] what is timed
 * @property {number} [operations] in one run, where that differs from the workload's
 * @property {() => Promise<number>} [measure] instead of `run`: answers a number of its own, e.g. bytes
 * @property {string} [missing] why it cannot run here
 * @property {number} [goal] our time is at most so many times its time
 */

/**
 * @typedef {object} Workload
 * @property {string} work
 * @property {number} rounds
 * @property {number} [operations] in one run. Default 1.
 * @property {number} [warmUp] rounds before them that do not count. Default 1.
 * @property {(value: number) => string} format of one operation
 * @property {Contestant[]} contestants the first one is ours
 * @property {{ name: string, goal?: number }} [growth] Of four contestants, ours and theirs, each at large and then at
 *   small: our growth is at most so many times theirs.
 */

/**
 * Runs all contestants in turn, round after round, so that whatever else the machine does meets all of them
 * alike. A ratio is taken within each round; every other round goes backwards.
 *
 * @param {Workload} workload
 */
export async function hold({ work, rounds, operations = 1, warmUp = 1, format, contestants, growth }) {
  const present = contestants.filter(({ missing }) => missing === undefined);
  const results = new Map(present.map((contestant) => [contestant, /** @type {number[]} */ ([])]));
  for (let round = 1 - warmUp; round <= rounds; round++) {
    for (const contestant of round % 2 ? present : present.slice().reverse()) {
      const value = await measure(contestant, operations);
      if (round > 0) results.get(contestant)?.push(value);
    }
    process.stderr.write('.');
  }
  const [own = [], ...others] = contestants.map((contestant) => results.get(contestant));
  const peers = contestants.slice(1).map(({ name, missing, goal }, index) => {
    return missing === undefined ? compare(name, own, others[index] ?? [], format, goal) : { name, missing };
  });
  if (growth) {
    const [ownSmall = [], large = [], small = []] = others;
    const { name, goal } = growth;
    peers.push(compare(name, quotients(own, ownSmall), quotients(large, small), times, goal));
  }
  return { work, own: format(median(own)), peers };
}

/** @param {number[]} own @param {number[]} theirs of the same rounds */
function compare(name, own, theirs, format, goal) {
  const ratios = quotients(own, theirs);
  return {
    name,
    value: format(median(theirs)),
    ratio: median(ratios),
    spread: quartiles(ratios),
    interval: medianInterval(ratios),
    goal,
  };
}

function quotients(values, divisors) {
  return values.map((value, round) => value / divisors[round]);
}

async function measure({ prepare, run, measure, operations }, usual) {
  await prepare?.();
  await sleep(SETTLE_MS);
  if (measure) return measure();
  const start = performance.now();
  await run();
  return (performance.now() - start) / (operations ?? usual);
}
