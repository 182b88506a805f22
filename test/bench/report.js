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
    const their = `${name}: ${value}`;
    if (goal === undefined) return row(first, second, their, ratios, '', '');
    return row(first, second, their, ratios, `≤ ${shortly(goal)}`, verdict(interval, goal));
  });
}

/**
 * On another day the same program would have another median. A goal that lies where it may be, with 95 % certainty, is
 * neither met nor missed.
 */
function verdict([least, greatest], goal) {
  if (greatest <= goal) return 'met';
  if (least > goal) return '**not met**';
  return `**at the limit** (${shortly(least)}–${shortly(greatest)})`;
}

function row(...cells) {
  return `| ${cells.join(' | ')} |`;
}

function shortly(ratio) {
  return ratio >= 0.1 ? ratio.toFixed(2) : ratio.toPrecision(2);
}
