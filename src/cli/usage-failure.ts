import type { CommanderError, CommandUnknownOpts } from '@commander-js/extra-typings';
import { CommandFailure } from './command-failure.ts';
import { ExitCode } from './exit-codes.ts';

/** The command line, or what it names, cannot be used. */
export class UsageFailure extends CommandFailure {
  /** @param hint what the user can do about it */
  constructor(message: string, hint?: string, cause?: unknown) {
    super(ExitCode.usage, message, { hint, cause });
  }
}

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

/** Commander's advice, on a line of its own: `(Did you mean --sort?)`. */
const ADVICE = /\n\((Did you mean .*)\)$/;

const REFUSED_CHOICE = /^option '.*?' argument '(.*)' is invalid\. Allowed choices are /s;

/** What commander does not advise. */
const MORE_ADVICE: readonly [pattern: RegExp, advice: string][] = [
  [/^unknown option '-[^-]./, 'If that is a task id, put -- before it.'],
  [/^too many arguments/, 'Quote arguments with spaces or wildcards.'],
];

/**
 * A mistake in the command line, as this program reports it. Help and version, which commander throws too, are thrown
 * on.
 * @param command whose options they are; the program itself if it has no parent
 */
export function usageFailure(error: CommanderError, command: CommandUnknownOpts): UsageFailure {
  if (['commander.help', 'commander.helpDisplayed', 'commander.version'].includes(error.code)) throw error;
  const message = error.message
    .replace(ADVICE, '')
    .replace(/^error: /, '')
    .replace(FLAGS, "'$1'");
  const advice =
    ADVICE.exec(error.message)?.[1] ??
    optionThatTakes(REFUSED_CHOICE.exec(message)?.[1], command) ??
    MORE_ADVICE.find(([each]) => each.test(message))?.[1];
  const [pattern, words] = REWORDED.find(([each]) => each.test(message)) ?? [];
  const about =
    command.parent === null
      ? '"mcp-taskq help" lists the commands.'
      : `"mcp-taskq help ${command.name()}" explains the command.`;
  const said = pattern && words ? message.replace(pattern, words) : message;
  return new UsageFailure(said, advice === undefined ? about : `${advice} ${about}`, error);
}

/** `check -o prometheus`: another option has this choice. */
function optionThatTakes(value: string | undefined, { options }: CommandUnknownOpts): string | undefined {
  const meant = options.find(({ argChoices }) => value !== undefined && argChoices?.includes(value));
  return meant && `Did you mean ${meant.long} ${value}?`;
}
