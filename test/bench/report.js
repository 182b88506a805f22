import { cpus } from 'node:os';

/** @param {number} ms */
export function duration(ms) {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  if (ms >= 1) return `${ms.toPrecision(3)} ms`;
  return `${(ms * 1000).toPrecision(3)} µs`;
}

/** @param {number} bytes */
export function megabytes(bytes) {
  return `${Math.round(bytes / 1e6)} MB`;
}

/** @param {number} ratio */
export function times(ratio) {
  return `${shortly(ratio)} times`;
}

/** The machine and the versions: figures mean nothing without them. @param {string} brokerVersion */
export function machine(brokerVersion) {
  const [cpu] = cpus();
  return `${cpu?.model.trim() || 'unknown processor'}, ${cpus().length} cores, Node ${process.versions.node}, RabbitMQ ${brokerVersion} on the same machine.`;
}

export const TABLE_HEAD = [
  '| work | mcp-taskq | compared with | ratio of times: median (quartiles) | goal | |',
  '|---|---|---|---|---|---|',
];

/** The lines of the table for one workload. */
export function tableRows({ work, own, peers }) {
  return peers.map((peer, index) => {
    const [first, second] = index === 0 ? [work, own] : ['', ''];
    if (peer.missing) return row(first, second, `${peer.name}: missing (${peer.missing})`, '', '', '');
    const { name, value, ratio, spread, interval, goal } = peer;
    const ratios = `${shortly(ratio)} (${spread.map(shortly).join('–')})`;
    const compared = `${name}: ${value}`;
    if (goal === undefined) return row(first, second, compared, ratios, '', '');
    return row(first, second, compared, ratios, `≤ ${shortly(goal)}`, verdict(ratio, interval, goal));
  });
}

/**
 * On another day the same program would have another median. Where that may be on either side of the goal, the verdict says
 * between what it lies with 95 % certainty.
 */
function verdict(ratio, [least, greatest], goal) {
  const said = ratio <= goal ? 'met' : '**not met**';
  const isCertain = greatest <= goal || least > goal;
  return isCertain ? said : `${said} (${shortly(least)}–${shortly(greatest)})`;
}

function row(...cells) {
  return `| ${cells.join(' | ')} |`;
}

function shortly(ratio) {
  return ratio >= 0.1 ? ratio.toFixed(2) : ratio.toPrecision(2);
}
