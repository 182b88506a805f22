import type { TaskQueueError } from '../../index.ts';

/** Set by "mcp-taskq broker" for the command it runs: the URL of that broker. */
export const PRIVATE_BROKER = 'MCP_TASKQ_PRIVATE_BROKER';

/** Whether the broker in the environment is the one that "mcp-taskq broker" started for this command. */
export function isInPrivateBroker(environment: NodeJS.ProcessEnv = process.env): boolean {
  const url = environment[PRIVATE_BROKER];
  return Boolean(url) && url === environment.MCP_TASKQ_URL;
}

/** A hint for a missing management API, if the private broker was started without it. */
export function privateBrokerHint({ code, message }: TaskQueueError): string | undefined {
  const isAboutApi = code === 'API_UNAVAILABLE' && message.includes('//127.0.0.1:');
  if (!isAboutApi || !isInPrivateBroker() || process.env.MCP_TASKQ_API_URL) return undefined;
  return 'The private broker runs without the management API. Exit this shell and start the broker with "mcp-taskq broker --management".';
}
