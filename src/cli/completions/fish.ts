import type { CommandWords, OptionWords } from './command-words.ts';

/** A completion file for fish, to be saved as `mcp-taskq.fish` in one of its completion folders. */
export function fishCompletion(
  commands: readonly CommandWords[],
  globals: readonly OptionWords[],
  topics: string,
): string {
  const lines = [
    '# fish completion for mcp-taskq, made by "mcp-taskq completion fish"',
    '',
    'function __mcp_taskq_tasks',
    '    set -l words (commandline -opc)',
    '    set -l program $words[1]',
    '    set -e words[1]',
    '    # The word under the cursor, as it would be after unquoting. Its quotes are still open.',
    '    set -l start (commandline -ct)',
    `    string match -q "'*" -- $start; and set start "$start'"`,
    `    string match -q '"*' -- $start; and set start "$start\\""`,
    '    set start (string unescape -- $start)',
    '    $program __task-ids -- "$start" $words 2>/dev/null',
    'end',
    '',
    'function __mcp_taskq_contexts',
    '    set -l words (commandline -opc)',
    '    $words[1] __contexts 2>/dev/null',
    'end',
    '',
    'complete -c mcp-taskq -f',
    ...globals.map((option) => `complete -c mcp-taskq -n __fish_use_subcommand${spec(option)}`),
  ];
  for (const { name, description, options, argument, hasContextName } of commands) {
    const condition = quote(`__fish_seen_subcommand_from ${name}`);
    lines.push('', `complete -c mcp-taskq -n __fish_use_subcommand -a ${name} -d ${quote(description)}`);
    lines.push(...options.map((option) => `complete -c mcp-taskq -n ${condition}${spec(option)}`));
    const words = argumentOf(argument, commands, topics);
    if (words !== undefined) lines.push(`complete -c mcp-taskq -n ${condition} ${words}`);
    if (hasContextName) lines.push(`complete -c mcp-taskq -n ${condition} -a '(__mcp_taskq_contexts)'`);
  }
  return `${lines.join('\n')}\n`;
}

function spec({ short, long, description, value }: OptionWords): string {
  const names = `${short ? ` -s ${short.slice(1)}` : ''} -l ${long.slice(2)}`;
  return `${names}${valueWords(value)} -d ${quote(description)}`;
}

function valueWords(value: OptionWords['value']): string {
  if (value === 'none') return '';
  if (value === 'file') return ' -r -F';
  if (value === 'context') return ` -x -a '(__mcp_taskq_contexts)'`;
  return typeof value === 'string' ? ' -x' : ` -x -a ${quote(value.join(' '))}`;
}

function argumentOf(
  argument: CommandWords['argument'],
  commands: readonly CommandWords[],
  topics: string,
): string | undefined {
  if (argument === 'task') return `-a '(__mcp_taskq_tasks)'`;
  if (argument === 'command') return `-a ${quote(`${commands.map(({ name }) => name).join(' ')} ${topics}`)}`;
  return argument === 'none' ? undefined : `-a ${quote(argument.join(' '))}`;
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
