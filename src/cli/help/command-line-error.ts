import type { CommanderError, CommandUnknownOpts } from '@commander-js/extra-typings';
import { closest } from '../text/near-misses.ts';
import { UsageFailure } from '../usage-failure.ts';
import { OTHER_OPTIONS } from './other-names.ts';

/** What commander says, and the same in the words of this program. */
const REWORDED: readonly [pattern: RegExp, words: string][] = [
  [/^unknown command '(.*)'$/s, 'Unknown command "$1"'],
  [/^unknown option '(.*)'$/s, 'Unknown option $1'],
  [/^missing required argument '(.*)'$/, 'Missing argument <$1>'],
  [/^option '(.*)' argument missing$/, '$1 needs a value'],
  [/^option '(.*?)' argument '(.*)' is invalid\. (.*)$/s, '$1 is invalid: "$2". $3'],
  [/^command-argument value '(.*)' is invalid for argument '(.*)'\. (.*)$/s, '<$2> is invalid: "$1". $3'],
  [/^option '(.*)' cannot be used with option '(.*)'$/, '$1 cannot be used with $2'],
  [
    /^too many arguments(?: for '.*')?\. Expected (\d+) arguments? but got (\d+)\.$/,
    'Too many arguments: $2 instead of $1',
  ],
];

/** An option with its other names and its value: `'-n, --limit <n>'`. */
const FLAGS = /(?<=option )'(?:-\w, )?(--[\w-]+)(?: <.*?>)?'/g;

/** An option may have one dash too few. */
const UNKNOWN = /^unknown (command '|option '--?)([^=]*).*'$/s;
const REFUSED = /^option '(.*?)' argument '(.*)' is invalid\. /s;

const ADVICE: readonly [pattern: RegExp, advice: string][] = [
  [/^unknown option '-[^-]./, 'If that is a task id, put -- before it.'],
  [/^too many arguments/, 'Quote arguments with spaces or wildcards.'],
];

const ADVICE_BEFORE_COMMAND: typeof ADVICE = [
  [/^unknown option/, 'Options of a command come after its name.'],
];

/**
 * A mistake in the command line, as this program reports it. Help and version, which commander throws too, are thrown
 * on.
 * @param command whose options they are; the program itself if it has no parent
 */
export function commandLineError(error: CommanderError, command: CommandUnknownOpts): UsageFailure {
  if (['commander.help', 'commander.helpDisplayed', 'commander.version'].includes(error.code)) throw error;
  const message = error.message.replace(/^error: /, '').replace(FLAGS, "'$1'");
  const advice =
    whatIsMeant(message, command) ??
    optionThatTakes(message, command) ??
    (command.parent === null ? ADVICE_BEFORE_COMMAND : ADVICE).find(([each]) => each.test(message))?.[1];
  const [pattern, words] = REWORDED.find(([each]) => each.test(message)) ?? [];
  const about =
    command.parent === null
      ? '"mcp-taskq help" lists the commands.'
      : `"mcp-taskq help ${command.name()}" explains the command.`;
  const said = pattern && words ? message.replace(pattern, words) : message;
  return new UsageFailure(said, advice === undefined ? about : `${advice} ${about}`, error);
}

/**
 * The command or option that this program has for an unknown one: what it calls that of another tool, what is called so
 * (`mcp-taskq version`), what begins like it, or what is written almost like it. Commander's own advice knows only the last,
 * and goes too far: --force for --format.
 */
function whatIsMeant(message: string, command: CommandUnknownOpts): string | undefined {
  const [, kind, written = ''] = UNKNOWN.exec(message) ?? [];
  if (kind === undefined) return undefined;
  const help = command.createHelp();
  const options = help.visibleOptions(command).flatMap(({ long }) => (long ? [long.slice(2)] : []));
  const isOption = kind.startsWith('option') || options.includes(written);
  const dashes = isOption ? '--' : '';
  const names = isOption ? options : help.visibleCommands(command).map((each) => each.name());
  const others = dashes && Object.hasOwn(OTHER_OPTIONS, written) ? OTHER_OPTIONS[written] : [];
  const meant = [
    others?.filter((name) => names.includes(name)).slice(0, 1),
    written.length > 2 ? names.filter((name) => name.startsWith(written)) : [],
    closest(written, names),
  ].find((found) => found?.length);
  if (meant === undefined) return undefined;
  return `Did you mean ${meant.length > 1 ? 'one of ' : ''}${meant.map((name) => dashes + name).join(', ')}?`;
}

/** `check -o prometheus`: another option has this choice. `dequeue -o a.jsonl`: one takes files. `-n all`: one is called so. */
function optionThatTakes(message: string, { options }: CommandUnknownOpts): string | undefined {
  const [, refusing, value] = REFUSED.exec(message) ?? [];
  if (value === undefined) return undefined;
  if (options.some(({ long }) => long === `--${value}`)) return `Did you mean --${value}?`;
  const isFile = refusing === '--output' && /[./]/.test(value);
  const meant = options.find(
    ({ long, argChoices }) => argChoices?.includes(value) || (isFile && long === '--out'),
  );
  return meant && `Did you mean ${meant.long} ${value}?`;
}
