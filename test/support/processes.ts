import { execFileSync } from 'node:child_process';

interface Process {
  pid: number;
  parent: number;
  /** Dead ones that nobody has reaped are left out. */
  command: string;
}

function listProcesses(): Process[] {
  const output = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' });
  return output
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line))
    .filter((match) => match !== null && !match[3]?.includes('Z'))
    .map((match) => ({ pid: Number(match?.[1]), parent: Number(match?.[2]), command: match?.[4] ?? '' }));
}

/** The processes that a process has started, without the `ps` that looks. */
export function childrenOf(parent: number, command = /./): number[] {
  return listProcesses()
    .filter((process) => process.parent === parent && !/^ps /.test(process.command))
    .filter((process) => command.test(process.command))
    .map(({ pid }) => pid);
}

/** Those that still run. */
export function aliveAmong(pids: readonly number[]): number[] {
  return listProcesses()
    .map(({ pid }) => pid)
    .filter((pid) => pids.includes(pid));
}
