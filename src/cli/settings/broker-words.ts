import { withoutPasswords } from './broker-urls.ts';
import { CONNECTION_OPTIONS, flagOf, type GlobalOptions } from './global-options.ts';

let words: readonly string[] = [];
let source = 'default';
let hasOwnApi = false;

/** Keeps the options on the command line that say which broker it is, and how to connect; without passwords. */
export function keepBrokerWords(given: GlobalOptions): void {
  words = CONNECTION_OPTIONS.flatMap(({ name, parse }) => {
    const value = given[name];
    // Durations are about this run.
    if (value === undefined || parse !== undefined) return [];
    return value === true ? [flagOf(name)] : [flagOf(name), withoutPasswords(String(value))];
  });
}

/** What every suggested command has to repeat, so that it is about the same broker. */
export function brokerWords(): readonly string[] {
  return words;
}

/** Keeps what named the broker, as `Settings.urlSource` says it, and whether something else named its management API. */
export function keepUrlSource(urlSource: string, isApiNamed: boolean): void {
  source = urlSource;
  hasOwnApi = isApiNamed;
}

/** A sentence that says what named the broker of an address, unless it was the command line, or nothing. */
export function whereUrlComesFrom({ isApi }: { isApi: boolean }): string | undefined {
  if (['--url', 'default'].includes(source) || (isApi && hasOwnApi)) return undefined;
  return `The broker URL comes from ${source}.`;
}
