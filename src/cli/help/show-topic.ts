import { standardOutput } from '../output/standard-output.ts';
import { colorsFor } from '../terminal/colors.ts';
import { pagedOutput } from '../terminal/pager.ts';
import { note } from '../terminal/standard-error.ts';
import { terminalWidth } from '../terminal/terminal-width.ts';
import { USUAL_WIDTH } from './terms.ts';

/** Longer lines are hard to read. */
const WIDEST = 100;

/** Narrower terminals wrap the lines themselves. */
const NARROWEST = 20;

/** Prints the page of a topic, on a terminal through a pager if it is longer than the screen. */
export async function showTopic(
  topic: string,
  { color = true, pager = true }: { color?: boolean; pager?: boolean },
): Promise<void> {
  const [{ default: markdown }, { renderMarkdown }] = await Promise.all([
    import(`./topics/${topic}.md`) as Promise<{ default: string }>,
    import('./render-markdown.ts'),
  ]);
  const isTerminal = process.stdout.isTTY === true;
  const page = renderMarkdown(markdown, {
    width: isTerminal ? Math.max(NARROWEST, Math.min(WIDEST, terminalWidth())) : USUAL_WIDTH,
    colors: colorsFor(process.stdout, { color }),
  });
  const direct = { sink: standardOutput(), note, end: async () => {} };
  const output = isTerminal ? pagedOutput(direct, { pager }) : direct;
  await output.sink.write(page);
  await output.end();
}
