import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { cliInPath, runCli } from './cli.ts';
import { screenOf } from './screen.ts';
import { Terminal, withoutStalls } from './terminal.ts';

/** What differs from run to run, and what stands for it; of the same width, so that columns stay. */
const STABLE: readonly [pattern: RegExp, stable: string][] = [
  // A day some days ago, in the first column of a watch.
  [/^\d\d-\d\d(?= {2})/gm, 'MM-DD'],
  // The vhost of one test.
  [/\/test-[0-9a-f-]{36}\b/g, ''],
  [/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '00000000-0000-4000-8000-000000000000'],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}/g, '2026-01-10T00:46:05.123'],
  [/(?<!T)\b\d\d:\d\d:\d\d\.\d{3}/g, '12:00:00.000'],
  [/(?<![\d-])\d\d-\d\d \d\d:\d\d(?= )/g, '01-10 00:46'],
  [/(^|mcp-taskq ls {2})\d\d:\d\d:\d\d(?= {2})/gm, '$112:00:00'],
  [/("timestamp":)\d{10}\b/g, '$11768005965'],
  [/(127\.0\.0\.1|localhost):\d{4,5}/g, '$1:5672'],
  [/RabbitMQ \d+\.\d+\.\d+\S*( is ready on \S+ after ).*/g, 'RabbitMQ 0.0.0$1…'],
  // In the words of the broker and of JavaScript, which change with their versions.
  [/(user name or password) \(.*\)/g, '$1 (…)'],
  [/is not JSON \(.*\)/g, 'is not JSON (…)'],
  [/^Starting .*/gm, 'Starting …'],
  // Who the broker is.
  [/RabbitMQ \d+\.\d+\.\d+(?! )/g, 'RabbitMQ 0.0.0'],
  [/\b(mcp-taskq|rabbit)@[\w.-]+/g, 'mcp-taskq@host'],
  [/("port":|"version":")[\d.]+/g, '$10'],
  // RabbitMQ 4 adds the type.
  [/"arguments":\{"x-queue-type":"classic"\}/g, '"arguments":{}'],
  // How long ago, in seconds.
  [/^(idle {7})\d[^,\n]*/gm, '$15s'],
  [/\b(age=)\d+s/g, '$1354600s'],
  [/("(?:oldest_)?age_seconds":)[\d.]+/g, '$1354600'],
  [/("idle_since":)"[^"]*"/g, '$1"2026-01-10T00:46:05.123Z"'],
  // In a list of queues, below IDLE, in seconds.
  [/^((?:[▲▼ ] )? *[\d,]+ +[\d,]+ +~?\d+ {2})(?:[ \d]{3}s)(?= )/gm, '$1  5s'],
  [/"statistics":\{[^}]*\}/g, '"statistics":{…}'],
];

export interface TerminalOptions {
  columns?: number;
  /** What to wait for on the screen, and what is typed then. */
  answers?: readonly (readonly [wanted: string, keys: string])[];
  /** Show what is on the screen at the last answer, instead of what remains in the end. */
  atLastAnswer?: boolean;
  /** Show escape sequences, with ␛ for their first character, instead of what they do. */
  showEscapes?: boolean;
}

/**
 * What an operator sees of command lines, which are run in a folder of their own: each with a
 * `$` before it and its output below it. A line of standard error begins with `2> ` where it can be told apart.
 */
export class Transcript {
  readonly #parts: string[] = [];
  readonly #environment: NodeJS.ProcessEnv;
  readonly folder: string;

  private constructor(folder: string, environment: NodeJS.ProcessEnv) {
    this.folder = folder;
    this.#environment = environment;
  }

  static async begin(env: Record<string, string>): Promise<Transcript> {
    const { folder, env: environment } = await cliInPath({ TERM: 'xterm-256color', LANG: 'C.UTF-8', ...env });
    return new Transcript(folder, environment);
  }

  heading(text: string): void {
    this.#parts.push(`# ${text}\n`);
  }

  async file(name: string, text: string): Promise<void> {
    await writeFile(join(this.folder, name), text);
  }

  async onTerminal(line: string, options: TerminalOptions = {}): Promise<void> {
    const { columns = 80, answers = [], atLastAnswer = false, showEscapes = false } = options;
    // Bash answers with the command's own status after Ctrl-C, which other shells take for theirs.
    const terminal = new Terminal(
      'bash',
      ['-c', `cd "$0" && ${line}`, this.folder],
      this.#environment,
      columns,
      24,
    );
    let output = '';
    for (const [wanted, keys] of answers) {
      await terminal.shows(wanted);
      output = terminal.output;
      terminal.type(keys);
    }
    const status = await terminal.ended;
    if (!atLastAnswer) output = terminal.output;
    // Before a narrow screen takes lines apart, and after it has shown which they are.
    const screen = showEscapes
      ? output.replaceAll('\r\n', '\n').replaceAll('\u001b', '␛')
      : screenOf(stable(output), columns);
    this.#add(line, stable(screen), status);
  }

  /** With nothing on the standard input, and no terminal. */
  async piped(line: string): Promise<void> {
    const { status, stdout, stderr } = (await this.#alone(line)) ?? (await this.#inShell(line));
    this.#add(line, `${stable(stdout)}${stable(stderr).replace(/^(?=.)/gm, '2> ')}`, status ?? -1);
  }

  /** Runs a command that needs nothing from the shell but settings and quotes without a process of its own. */
  async #alone(line: string) {
    const [, settings = '', words] =
      /^((?:[A-Z_]+=[^\s'"$]* )*)mcp-taskq((?: [^|<>&;$*?~`]*)?)$/.exec(line) ?? [];
    if (words === undefined) return undefined;
    const { stdout } = await promisify(execFile)('bash', ['-c', `printf '%s\\0'${words}`]);
    const args = words === '' ? [] : stdout.split('\0').slice(0, -1);
    const env = { ...this.#environment };
    for (const [, name = '', value] of settings.matchAll(/(\w+)=(\S*)/g)) env[name] = value;
    return runCli(args, { env, cwd: this.folder });
  }

  async #inShell(line: string) {
    const child = spawn('bash', ['-c', line], {
      cwd: this.folder,
      env: this.#environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        output[name] += text;
      });
    }
    const [status] = (await once(child, 'close')) as [number];
    return { status, ...output };
  }

  /** Compares with test/cli/transcripts; `vitest --update` writes it. */
  async matches(name: string): Promise<void> {
    await expect(this.#parts.join('\n')).toMatchFileSnapshot(`../cli/transcripts/${name}.txt`);
  }

  #add(line: string, output: string, status: number): void {
    const end = output === '' || output.endsWith('\n') ? '' : '\n';
    const note = status === 0 ? '' : `(exit status ${status})\n`;
    this.#parts.push(`$ ${stable(line)}\n${output.trim() === '' ? '' : `${output}${end}`}${note}`);
  }
}

function stable(text: string): string {
  return STABLE.reduce(
    (result, [pattern, replacement]) => result.replace(pattern, replacement),
    withoutStalls(text),
  );
}
