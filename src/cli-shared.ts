/*
 * What the command line shares with the library and loads at once. All else of the library (index.ts, cli-support.ts) is
 * loaded by commands when they run: it takes half as long as printing their help. So nothing here may import much.
 */

export { formatNumber } from './errors/number-text.ts';
export { isTaskQueueError } from './errors/task-queue-error.ts';
export { parseLenientJson } from './messages/lenient-json.ts';
export { MAX_PEEK } from './options/client-options.ts';
