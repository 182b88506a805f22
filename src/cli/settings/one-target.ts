import { DEFAULT_URL } from '../../cli-shared.ts';
import { hostsOf } from './broker-urls.ts';
import { flagOf, type GlobalOptions, variablesOf } from './global-options.ts';

/** Settings that belong to one broker: its API and how to connect. */
const ABOUT_ONE_BROKER = [
  'apiUrl',
  'passwordFile',
  'tlsServerName',
] as const satisfies (keyof GlobalOptions)[];

/**
 * Settings of different brokers are not mixed. If the URL on the command line names another broker than the
 * environment (or the default), the environment's settings for that one are ignored: its management API, which would
 * list the wrong queues, and its password, which other brokers must not see.
 */
export function withoutOtherBroker(
  given: GlobalOptions,
  environment: NodeJS.ProcessEnv,
): { environment: NodeJS.ProcessEnv; warnings: string[]; apiWarnings: string[] } {
  if (given.url === undefined) return { environment, warnings: [], apiWarnings: [] };
  const variable = variablesOf('url').find((name) => environment[name]);
  const known = placesOf((variable && environment[variable]) || DEFAULT_URL);
  const asked = placesOf(given.url);
  if (asked.every((host) => known.includes(host))) return { environment, warnings: [], apiWarnings: [] };
  const ignored = ABOUT_ONE_BROKER.flatMap((name) =>
    variablesOf(name)
      .filter((each) => environment[each])
      .map((each) => ({ name, variable: each })),
  );
  const rest = { ...environment };
  for (const each of ignored) delete rest[each.variable];
  const missed = ignored.filter(({ name }) => given[name] === undefined);
  const about = (list: typeof ignored) => {
    if (list.length === 0) return [];
    const names = list.map((each) => each.variable).join(', ');
    const flags = list.map(({ name }) => flagOf(name)).join(', ');
    return [
      `--url names a different broker than ${variable ?? 'the default'}, so ${names} ${list.length === 1 ? 'is' : 'are'} not used. Use ${flags} instead.`,
    ];
  };
  return {
    environment: rest,
    warnings: about(missed.filter(({ name }) => name !== 'apiUrl')),
    apiWarnings: about(missed.filter(({ name }) => name === 'apiUrl')),
  };
}

/** What named the broker: `--url`, `context prod`, `MCP_TASKQ_URL`, … or `default`. */
export function sourceOfUrl(
  given: GlobalOptions,
  contextName: string | undefined,
  environment: NodeJS.ProcessEnv,
): string {
  if (given.url !== undefined) return '--url';
  if (contextName !== undefined) return `context ${contextName}`;
  return variablesOf('url').find((name) => environment[name]) ?? 'default';
}

/** As `host:port`, with one name for this machine, which has several. */
export function placesOf(urls: string): string[] {
  return hostsOf(urls).map((place) => place.replace(/^(127\.0\.0\.1|\[::1\]):/, 'localhost:'));
}
