import { isUtf8 } from 'node:buffer';
import type { ChalkInstance } from 'chalk';
import { parseLenientJson, timestampToMs } from '../../cli-shared.ts';
import { propertiesToJson } from '../../cli-support.ts';
import { propertyText, type StoredMessage } from '../../index.ts';
import { terminalWidth } from '../terminal/terminal-width.ts';
import { formatAge } from '../text/durations.ts';
import { summarize } from '../text/message-summary.ts';
import { formatSize } from '../text/sizes.ts';
import { safeId, safeLine, safeText } from '../text/terminal-text.ts';
import { wrap } from '../text/wrap.ts';
import { type Fact, layOutFacts } from './facts.ts';
import { layOutJson } from './json-text.ts';

/** How much of a body to show: about what a reader would scroll through. */
const MAX_SHOWN = 64 * 1024;

/**
 * One message in full, for a terminal.
 * @param isWhole whether to show a large body in full, instead of about what a reader would scroll through
 */
export function viewMessage(
  message: StoredMessage,
  colors: ChalkInstance,
  now: number,
  isWhole = false,
): string {
  const { type, method, id, askedBy, queuedAt, size } = summarize(
    message,
    isWhole ? Number.POSITIVE_INFINITY : undefined,
  );
  const title = [
    colors.bold(safeLine(type)),
    method && colors.cyan(safeLine(method)),
    id && `id ${safeLine(id)}`,
    message.redelivered && colors.yellow('redelivered'),
  ];
  const { headers, timestamp, ...properties } = message.properties;
  const json = propertiesToJson(message.properties);
  const facts: [name: string, value: string | undefined][] = [
    ['task', safeId(message.taskId)],
    [
      'queued',
      queuedAt === undefined
        ? undefined
        : `${new Date(queuedAt).toISOString()}, ${formatAge(now - queuedAt)}`,
    ],
    ['asked by', askedBy],
    ['size', formatSize(size)],
    ['timestamp', timestampToMs(timestamp) === undefined ? propertyText(timestamp) : undefined],
    ...Object.entries(properties).map(([name, value]): [string, string] => [name, propertyText(value)]),
    ['headers', headers && JSON.stringify(json.headers)],
  ];
  const shown = facts.map(([name, value]): Fact => [name, value && safeLine(value)]);
  const width = terminalWidth();
  const head = wrap(title.filter(Boolean).join('  '), width).join('\n');
  return `${head}\n${layOutFacts(shown, { width, colors, indent: '  ' })}${viewBody(message.body, colors, isWhole)}\n`;
}

function viewBody(body: Buffer, colors: ChalkInstance, isWhole: boolean): string {
  if (body.length > MAX_SHOWN) {
    if (isWhole) return isUtf8(body) ? safeText(body.toString()) : body.toString('hex');
    const start = body.subarray(0, MAX_SHOWN).toString();
    return `${safeText(start)}\n${colors.dim(`… ${formatSize(body.length - MAX_SHOWN)} more; -o raw prints all of it`)}`;
  }
  if (!isUtf8(body)) return colors.dim(`(not text) ${body.toString('hex')}`);
  const text = body.toString();
  try {
    parseLenientJson(text);
    return layOutJson(text, colors, '  ');
  } catch {
    return safeText(text);
  }
}
