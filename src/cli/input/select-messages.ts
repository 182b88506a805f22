import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { StoredMessage } from '../../index.ts';

/** Which messages a command is about. */
export interface SelectionOptions {
  filter?: string;
}

export function filterOption(command: CommandUnknownOpts, description: string): void {
  command.option('--filter <expression>', `${description}, e.g. 'type == "request"'; see help filters`);
}

/** The selection of `--filter`, if there is one; the expression language is only loaded for it. */
export async function selectionOf({
  filter,
}: SelectionOptions): Promise<((message: StoredMessage) => boolean) | undefined> {
  if (filter === undefined) return undefined;
  const { parseFilter } = await import('./filters.ts');
  return parseFilter(filter);
}
