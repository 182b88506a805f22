import { withoutPasswords } from '../settings/broker-urls.ts';
import { brokerWords } from '../settings/broker-words.ts';
import { shellWords } from '../text/shell-words.ts';

/** With all that follows it, as a password may have spaces. */
const URL_IN_WORD = /[a-z][a-z0-9+.-]*:\/\/.*/gis;

/** Options to set to a value, to set without one (`true`), or to leave out (`undefined`). */
interface Changes {
  [option: string]: string | true | undefined;
}

/** This command line with other options, to be pasted. Passwords in its URLs are left out. */
export function thisCommand(changes: Changes): string {
  const words = process.argv.slice(2).map((word) => word.replace(URL_IN_WORD, withoutPasswords));
  return shellWords(['mcp-taskq', ...withOptions(words, changes)]);
}

/** A command about a task, for the same broker as this one, to be pasted. */
export function taskCommand(command: string, taskId: string, options: readonly string[] = []): string {
  const words = [...options, ...brokerWords()];
  const all = taskId.startsWith('-') ? [...words, '--', taskId] : [taskId, ...words];
  return shellWords(['mcp-taskq', command, ...all]);
}

/** A command line with options changed, wherever they are. */
export function withOptions(words: readonly string[], changes: Changes): string[] {
  const end = words.includes('--') ? words.indexOf('--') : words.length;
  const kept: string[] = [];
  for (let index = 0; index < end; index++) {
    const word = words[index] as string;
    const [option = ''] = word.split('=', 1);
    if (!Object.hasOwn(changes, option)) kept.push(word);
    else if (word === option && typeof changes[option] === 'string') index++;
  }
  const set = Object.entries(changes).flatMap(([option, value]) =>
    value === undefined ? [] : value === true ? [option] : [option, value],
  );
  // What stands behind `--` is not an option.
  return [...kept, ...set, ...words.slice(end)];
}
