import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { CommandFailure } from '../command-failure.ts';
import { ExitCode } from '../exit-codes.ts';
import { type Fact, layOutFacts } from '../output/facts.ts';
import { standardOutput } from '../output/standard-output.ts';
import { chooseContext, requireContext } from '../settings/chosen-context.ts';
import { readContextFile, shownPath } from '../settings/context-file.ts';
import { SETTING_NAMES } from '../settings/named-context.ts';
import { givenSettings, outputSettings } from '../settings/settings.ts';
import { colorsFor } from '../terminal/colors.ts';
import { note } from '../terminal/standard-error.ts';
import { terminalWidth } from '../terminal/terminal-width.ts';
import { safeLine, safeText } from '../text/terminal-text.ts';
import { redactContext } from './redact-context.ts';

/** `context show`: prints a context, by default the one in effect and what selected it. */
export async function showContext(wanted: string | undefined, command: CommandUnknownOpts): Promise<void> {
  const { format, color } = outputSettings(command);
  const file = readContextFile();
  const { context: chosen, warnings } = chooseContext(givenSettings(command), process.env);
  for (const warning of warnings) note(`warning: ${warning}`);
  const name = wanted ?? chosen?.name;
  if (name === undefined) {
    throw new CommandFailure(ExitCode.nothingThere, 'No context is in effect', {
      hint:
        file.contexts.size === 0
          ? 'Create one: mcp-taskq context set NAME --url amqps://HOST/VHOST'
          : 'Select one with "mcp-taskq context use NAME"; "mcp-taskq context ls" lists them.',
    });
  }
  const context = redactContext(requireContext(file, name));
  const source = chosen?.name === name ? chosen.source : undefined;
  const stdout = standardOutput();
  if (format !== 'table') {
    const record = { name, current: file.current === name, in_effect: source !== undefined, ...context };
    await stdout.write(safeText(`${JSON.stringify(record, null, format === 'json' ? 2 : undefined)}\n`));
    return;
  }
  const colors = colorsFor(process.stdout, { color });
  const facts = SETTING_NAMES.map((setting): Fact => {
    const value = context[setting];
    return [setting.replaceAll('_', '-'), value === undefined ? undefined : safeLine(String(value))];
  });
  const effect = source === undefined ? '' : `  in effect (${source})`;
  await stdout.write(`${colors.bold(name)}${effect}\n`);
  await stdout.write(layOutFacts(facts, { width: terminalWidth(), colors, indent: '  ' }));
  note(`from ${shownPath(file.path)}`);
}
