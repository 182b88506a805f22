import type { CommandWords, OptionWords } from './command-words.ts';

/** A completion function for zsh, to be saved as \`_mcp-taskq\` in a folder on its \`fpath\`. */
export function zshCompletion(
  commands: readonly CommandWords[],
  globals: readonly OptionWords[],
  topics: string,
): string {
  const names = commands.map(({ name, description }) => `    ${quote(`${name}:${description}`)}`).join('\n');
  return `#compdef mcp-taskq
# zsh completion for mcp-taskq, made by "mcp-taskq completion zsh"

_mcp-taskq_tasks() {
  local -a ids
  ids=(\${(f)"$("\${(Q)_mcp_taskq_program}" __task-ids -- "\${(Q)PREFIX}" "\${(@Q)_mcp_taskq_given}" 2>/dev/null)"})
  compadd -a ids
}

_mcp-taskq_contexts() {
  local -a names
  names=(\${(f)"$("\${(Q)_mcp_taskq_program}" __contexts 2>/dev/null)"})
  compadd -a names
}

_mcp-taskq() {
  local curcontext="$curcontext" state line _mcp_taskq_program="\${words[1]}"
  local -a commands _mcp_taskq_given
  _mcp_taskq_given=("\${(@)words[2,CURRENT-1]}")
  commands=(
${names}
  )
  # An option after the command is the command's, which has those before it too.
  _arguments -A '-*' -S -C \\
${specs(globals, '    ')}
    '1: :->command' \\
    '*:: :->arguments' && return
  case "$state" in
    command) _describe -t commands command commands ;;
    arguments)
      case "\${words[1]}" in
${commands
  .map(
    (command) => `        ${command.name})
          _arguments -S \\
${specs(command.options, '            ')}
            ${argument(command, topics)}
          ;;`,
  )
  .join('\n')}
      esac
      ;;
  esac
}

if [ "$funcstack[1]" = "_mcp-taskq" ]; then
  _mcp-taskq "$@"
else
  compdef _mcp-taskq mcp-taskq
fi
`;
}

function specs(options: readonly OptionWords[], indent: string): string {
  return options.map((option) => `${indent}${spec(option)} \\`).join('\n');
}

function spec({ short, long, description, value }: OptionWords): string {
  const text = `[${description.replace(/[[\]\\:]/g, '\\$&')}]${action(long, value)}`;
  // With "=", zsh also accepts --option=value.
  const name = value === 'none' ? long : `${long}=`;
  return short ? `'(${short} ${long})'{${short},${name}}${quote(text)}` : quote(`${name}${text}`);
}

function action(long: string, value: OptionWords['value']): string {
  if (value === 'none') return '';
  if (value === 'file') return ':file:_files';
  if (value === 'context') return ':name:_mcp-taskq_contexts';
  return typeof value === 'string' ? `:${long.slice(2)}: ` : `:${long.slice(2)}:(${value.join(' ')})`;
}

function argument({ argument: words, hasContextName }: CommandWords, topics: string): string {
  if (hasContextName && typeof words !== 'string') {
    return `'1: :(${words.join(' ')})' '2: :_mcp-taskq_contexts'`;
  }
  if (words === 'task') return `'*: :_mcp-taskq_tasks'`;
  if (words === 'command') return `'1: :{_describe -t commands command commands; compadd ${topics}}'`;
  return words === 'none' ? `'*: :_default'` : `'1: :(${words.join(' ')})'`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
