import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify, stripVTControlCharacters } from 'node:util';
import { spawn } from '@lydell/node-pty';
import { Chalk } from 'chalk';

const BIN = fileURLToPath(new URL('../../bin/mcp-taskq.js', import.meta.url));

const out = process.stdout;
const isColored = out.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
const chalk = new Chalk({ level: isColored ? 1 : 0 });
/** As wide as this terminal. */
const WIDTH = out.isTTY ? out.columns : 120;

/** What the presenter says between two commands. */
export function say(text) {
  out.write(`\n${wrap(text, Math.min(WIDTH, 100))}\n`);
}

/** What happens elsewhere. */
export function note(text) {
  const lines = wrap(text, WIDTH - 2).split('\n');
  out.write(chalk.dim(lines.map((line) => `  ${line}\n`).join('')));
}

/**
 * Types a command: it is printed, and runs on a pseudo-terminal, so that its output is what an operator sees.
 * @param line as typed: `mcp-taskq ls`
 * Rejects when it ends with another status than 0.
 */
export function type(line, { cwd }) {
  out.write(`\n${chalk.bold(`$ ${line}`)}\n`);
  const [, ...words] = line.split(' ');
  const child = spawn(process.execPath, [BIN, ...words], {
    cwd,
    cols: WIDTH,
    rows: 50,
    env: { ...process.env, TERM: 'xterm-256color', ...(!isColored && { NO_COLOR: '1' }) },
  });
  child.onData((data) => out.write(isColored ? data : plain(data)));
  return new Promise((resolve, reject) => {
    child.onExit(({ exitCode }) => {
      if (exitCode === 0) resolve();
      else reject(new Error(`"${line}" ended with status ${exitCode}, not 0`));
    });
  });
}

/**
 * Runs a command unseen, for what it prints as data: that does not depend on any screen.
 * @returns the records
 */
export async function read(line) {
  const [, ...words] = line.split(' ');
  const { stdout } = await promisify(execFile)(process.execPath, [BIN, ...words, '-o', 'jsonl']);
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((record) => JSON.parse(record));
}

function plain(data) {
  return stripVTControlCharacters(data).replaceAll('\r\n', '\n');
}

function wrap(text, width) {
  const lines = [''];
  for (const word of text.split(/\s+/)) {
    const line = lines.at(-1);
    if (line !== '' && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.join('\n');
}
