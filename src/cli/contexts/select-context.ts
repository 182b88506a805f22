import { requireContext } from '../settings/chosen-context.ts';
import { changeContextFile } from '../settings/context-file.ts';
import { variablesOf } from '../settings/global-options.ts';
import { note } from '../terminal/standard-error.ts';

/** `context use`: selects a context for all commands, or none if undefined. */
export async function selectContext(name: string | undefined): Promise<void> {
  await changeContextFile((file) => {
    if (name !== undefined) requireContext(file, name);
    return { ...file, current: name };
  });
  note(name === undefined ? 'No context is selected now.' : `Context ${name} is selected.`);
  const variables = ['MCP_TASKQ_CONTEXT', ...variablesOf('url')].filter((variable) => process.env[variable]);
  if (name !== undefined && variables.length > 0) {
    note(`warning: ${variables.join(', ')} in the environment takes precedence.`);
  }
}

/** `context rm`. */
export async function deleteContext(name: string): Promise<void> {
  let isCurrent = false;
  await changeContextFile((file) => {
    requireContext(file, name);
    isCurrent = file.current === name;
    const contexts = new Map(file.contexts);
    contexts.delete(name);
    return { contexts, current: isCurrent ? undefined : file.current };
  });
  note(`Deleted context ${name}.${isCurrent ? ' No context is selected now.' : ''}`);
}
