import { terminalWidth } from '../output/tables.ts';
import { colorsFor } from '../terminal/colors.ts';
import type { HelpTopic } from './topic-list.ts';

/** Longer lines are hard to read. */
const WIDEST = 100;

/** What is not read on a terminal is made for one of this width. */
const USUAL = 80;

/** The page of a topic, ready for standard output. */
export async function topicText({ load }: HelpTopic, color: boolean): Promise<string> {
  const [{ default: markdown }, { renderMarkdown }] = await Promise.all([
    load(),
    import('./render-markdown.ts'),
  ]);
  return renderMarkdown(markdown, {
    width: process.stdout.isTTY ? Math.min(WIDEST, terminalWidth()) : USUAL,
    colors: colorsFor(process.stdout, { color }),
  });
}
