/** Set for the command that "mcp-taskq broker" runs: the URL of that broker. */
export const PRIVATE_BROKER = 'MCP_TASKQ_PRIVATE_BROKER';

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether the broker of the environment is the one that "mcp-taskq broker" has started around this command. */
export function isInPrivateBroker(environment: Environment = process.env): boolean {
  const url = environment[PRIVATE_BROKER];
  return Boolean(url) && url === environment.MCP_TASKQ_URL;
}

/** What to do about a missing management API, where that is because the broker around this command was started without. */
export function privateBrokerHint(
  error: unknown,
  environment: Environment = process.env,
): string | undefined {
  const { code, message = '' } = error as { code?: unknown; message?: string };
  const isAboutApi = code === 'API_UNAVAILABLE' && message.includes('//127.0.0.1:');
  if (!isAboutApi || !isInPrivateBroker(environment) || environment.MCP_TASKQ_API_URL) return undefined;
  return 'The broker around this shell has no management API: leave it, and start it again with "mcp-taskq broker --management".';
}
