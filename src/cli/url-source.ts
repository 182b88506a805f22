import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { GLOBAL_DECLARATIONS } from './global-options.ts';
import { givenSettings, type Settings } from './settings.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Who named the broker: `--url`, `context prod`, `MCP_TASKQ_URL`, … or `default`. */
export function sourceOfUrl(
  command: CommandUnknownOpts,
  { context }: Pick<Settings, 'context'>,
  environment: Environment = process.env,
): string {
  if (givenSettings(command).url !== undefined) return '--url';
  if (context !== undefined) return `context ${context.name}`;
  const { environment: variables = [] } = GLOBAL_DECLARATIONS.find(({ name }) => name === 'url') ?? {};
  return variables.find((variable) => environment[variable]) ?? 'default';
}
