import { Command } from '@commander-js/extra-typings';
import { readContextFile } from '../contexts/context-file.ts';

/** For the completion scripts: the names of the contexts, a line each, or nothing at all. */
export function contextNamesCommand() {
  return new Command('__contexts').action(() => {
    let names: string[] = [];
    try {
      names = [...readContextFile().contexts.keys()];
    } catch {
      // Whoever presses Tab has no use for an error.
    }
    process.stdout.write(names.map((name) => `${name}\n`).join(''));
  });
}
