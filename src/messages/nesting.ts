import { endOfString } from './lenient-json.ts';

/**
 * Programs that read or write JSON by recursion fail on deep nesting, JSON.stringify by how much stack is left. Python's
 * are the first, at a thousand levels.
 */
const MAX_LEVELS = 500;

/** Why a message is refused. */
export const TOO_DEEP = `it is nested more than ${MAX_LEVELS} levels deep`;

const QUOTE = 0x22;
const [OPENING_BRACKET, CLOSING_BRACKET, OPENING_BRACE, CLOSING_BRACE] = [0x5b, 0x5d, 0x7b, 0x7d];

/** Whether arrays and objects are nested deeper than a message may be. Short text costs nothing. */
export function isNestedTooDeeply(json: string): boolean {
  if (json.length <= 2 * MAX_LEVELS) return false;
  let levels = 0;
  for (let at = 0; at < json.length; at++) {
    const char = json.charCodeAt(at);
    if (char === QUOTE) at = endOfString(json, at) - 1;
    else if (char === OPENING_BRACE || char === OPENING_BRACKET) levels++;
    else if (char === CLOSING_BRACE || char === CLOSING_BRACKET) levels--;
    if (levels > MAX_LEVELS) return true;
  }
  return false;
}
