import { hasCode } from '../../cli-shared.ts';
import { placesOf } from './one-target.ts';
import type { Settings } from './settings.ts';
import { describeTarget } from './target.ts';

/** How long a list waits for a broker that cannot be reached. */
const CONNECT_MS = 2_000;

/** One answer per command, however often it lists. */
const answers = new WeakMap<Settings, Promise<string | undefined>>();

/**
 * Whether the management API is that of the broker that the URL names, which takes one request where both have one host
 * and the broker's own ports, else a connection. Where only the API was named, it counts alone.
 * @returns what could not be found out, as a warning
 * @throws TaskQueueError `TARGET_MISMATCH`, or `NO_ANSWER` where the API is stuck
 */
export function requireSameBroker(settings: Settings, signal: AbortSignal): Promise<string | undefined> {
  const known = answers.get(settings);
  if (known !== undefined) return known;
  const asked = compare(settings, signal);
  answers.set(settings, asked);
  // Given up with the list that it was for.
  asked.catch(() => signal.aborted && answers.delete(settings));
  return asked;
}

/** The API has a host of its own. Where it has that of the broker, the names of the clusters are enough for a list. */
function isElsewhere({ connection: { url = [] }, apiUrl }: Settings): boolean {
  const hostOf = (place: string) => place.replace(/:\d+$/, '');
  const hosts = placesOf([url].flat().join(',')).map(hostOf);
  return placesOf(apiUrl ?? '').some((place) => !hosts.includes(hostOf(place)));
}

async function compare(settings: Settings, signal: AbortSignal): Promise<string | undefined> {
  const { connection, apiUrl, urlSource } = settings;
  if (urlSource === 'default' && apiUrl !== undefined) return undefined;
  const { verifySameBroker } = await import('../../cli-support.ts');
  const connectTimeoutMs = Math.min(connection.connectTimeoutMs ?? CONNECT_MS, CONNECT_MS);
  const unknown = `Cannot verify that the management API belongs to ${describeTarget({ settings })}`;
  try {
    const isProven = await verifySameBroker({
      ...connection,
      connectTimeoutMs,
      apiUrl,
      signal,
      isQuick: true,
    });
    if (isProven || !isElsewhere(settings)) return undefined;
    return `${unknown}: it does not show this user any connections.`;
  } catch (error) {
    signal.throwIfAborted();
    // An API that does not answer this answers nothing.
    if (hasCode(error, 'TARGET_MISMATCH', 'NO_ANSWER')) throw error;
    return `${unknown}: ${(error as Error).message}.`;
  }
}
