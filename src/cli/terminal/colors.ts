import { Chalk, type ChalkInstance } from 'chalk';
import type { Settings } from '../settings/settings.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Whether a stream gets colours: `--no-color`, then NO_COLOR, then FORCE_COLOR, then whether it is a terminal
 * that knows any. An empty NO_COLOR counts as unset, https://no-color.org.
 */
export function hasColors(
  stream: { isTTY?: boolean },
  settings: Pick<Settings, 'color'>,
  environment: Environment = process.env,
): boolean {
  if (!settings.color || environment.NO_COLOR) return false;
  if (environment.FORCE_COLOR) return !['0', 'false'].includes(environment.FORCE_COLOR);
  return stream.isTTY === true && environment.TERM !== 'dumb';
}

/** chalk itself knows neither NO_COLOR nor which stream is written to, so it is told; 16 colours do. */
export function colorsFor(
  stream: { isTTY?: boolean },
  settings: Pick<Settings, 'color'>,
  environment: Environment = process.env,
): ChalkInstance {
  return new Chalk({ level: hasColors(stream, settings, environment) ? 1 : 0 });
}
