import { Chalk, type ChalkInstance } from 'chalk';
import type { Settings } from '../settings/settings.ts';

/**
 * Whether to use colours on a stream. In order of precedence: `--no-color`, NO_COLOR, FORCE_COLOR, and whether it is
 * a terminal with colours. An empty NO_COLOR counts as unset, https://no-color.org.
 */
function hasColors(
  { isTTY = false }: { isTTY?: boolean },
  { color }: Pick<Settings, 'color'>,
  { NO_COLOR, FORCE_COLOR, TERM }: NodeJS.ProcessEnv,
): boolean {
  if (!color || NO_COLOR) return false;
  if (FORCE_COLOR) return !['0', 'false'].includes(FORCE_COLOR);
  return isTTY && TERM !== 'dumb';
}

/** Sets the level explicitly, as chalk knows neither NO_COLOR nor the stream; 16 colours are enough. */
export function colorsFor(
  stream: { isTTY?: boolean },
  settings: Pick<Settings, 'color'>,
  environment: NodeJS.ProcessEnv = process.env,
): ChalkInstance {
  return new Chalk({ level: hasColors(stream, settings, environment) ? 1 : 0 });
}
