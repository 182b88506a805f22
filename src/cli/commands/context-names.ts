import { Command } from '@commander-js/extra-typings';
import { readContextFile } from '../settings/context-file.ts';

/** For the completion scripts: prints the context names, one per line, or nothing on an error. */
export function contextNamesCommand() {
  return new Command('__contexts').action(() => {
    let names: string[] = [];
    try {
      names = [...readContextFile().contexts.keys()];
    } catch {
      // An error would be of no use at a press of Tab.
    }
    process.stdout.write(names.map((name) => `${name}\n`).join(''));
  });
}
