/*
 * What the command line needs from the library when it starts, to print a help too. Commands load everything else
 * (index.ts, cli-support.ts) when they run, so the imports of this file must stay few and small.
 */

export { formatCount, formatNumber } from './errors/number-text.ts';
export { hasCode, isTaskQueueError } from './errors/task-queue-error.ts';
export { makeFolder } from './make-folder.ts';
export { JsonBeginning, parseAbridged } from './messages/abridged-json.ts';
export { JsonScanner, type ScannedValue } from './messages/json-scanner.ts';
export { exactJsonText, parseExactJson, parseLenientJson } from './messages/lenient-json.ts';
export { DEFAULT_PREFIX, hasControlCharacter } from './messages/queue-names.ts';
export { ASKED_BY_HEADER } from './messages/reply-queues.ts';
export { parseTimestamp, timestampToMs } from './messages/timestamps.ts';
export { MAX_PEEK } from './options/client-options.ts';
export { DEFAULT_URL } from './options/default-url.ts';
export { editDistance } from './options/edit-distance.ts';
export { leftOutOfUrl } from './options/url-as-written.ts';
