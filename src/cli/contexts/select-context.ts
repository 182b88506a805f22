import { note } from '../context.ts';
import { requireContext } from '../settings/chosen-context.ts';
import { readContextFile, writeContextFile } from '../settings/context-file.ts';
import { GLOBAL_DECLARATIONS } from '../settings/global-options.ts';

/** `context use`: selects a context for all commands, or none if undefined. */
export async function selectContext(name: string | undefined): Promise<void> {
  const file = readContextFile();
  if (name !== undefined) requireContext(file, name);
  if (file.current !== name) writeContextFile({ ...file, current: name });
  note(name === undefined ? 'No context is selected now.' : `Context ${name} is selected.`);
  const variables = ['MCP_TASKQ_CONTEXT', ...urlVariables()].filter((variable) => process.env[variable]);
  if (name !== undefined && variables.length > 0) {
    note(`warning: ${variables.join(', ')} in the environment takes precedence.`);
  }
}

/** `context rm`. */
export async function deleteContext(name: string): Promise<void> {
  const file = readContextFile();
  requireContext(file, name);
  const contexts = new Map(file.contexts);
  contexts.delete(name);
  const isCurrent = file.current === name;
  writeContextFile({ ...file, contexts, ...(isCurrent && { current: undefined }) });
  note(`Deleted context ${name}.${isCurrent ? ' No context is selected now.' : ''}`);
}

function urlVariables(): readonly string[] {
  return GLOBAL_DECLARATIONS.find(({ name }) => name === 'url')?.environment ?? [];
}
