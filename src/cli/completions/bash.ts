import type { CommandWords, OptionWords } from './command-words.ts';

/** A completion script for bash 3.2 and later, with or without the package bash-completion. */
export function bashCompletion(
  commands: readonly CommandWords[],
  globals: readonly OptionWords[],
  topics: string,
): string {
  const names = commands.map(({ name }) => name).join(' ');
  return `# bash completion for mcp-taskq, made by "mcp-taskq completion bash"

_mcp_taskq_words() {
  local word
  COMPREPLY=()
  while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$1" -- "$cur")
}

_mcp_taskq_files() {
  local file
  COMPREPLY=()
  while IFS= read -r file; do COMPREPLY+=("$file"); done < <(compgen -f -- "$cur")
  compopt -o filenames 2>/dev/null
}

# In quotes that are still open, bash takes what it gets as it is.
_mcp_taskq_tasks() {
  local id start=$cur
  case "$cur" in
    \\'*) start=\${cur#?} ;;
    *) IFS= read start <<<"\${cur#\\"}" ;; # Without -r, this removes the backslashes.
  esac
  COMPREPLY=()
  while IFS= read -r id; do
    case "$cur" in
      \\'*) id=$(sed "s/'/'\\\\\\\\''/g" <<<"$id") ;;
      \\"*) id=$(sed 's/[\\\\"$\`]/\\\\&/g' <<<"$id") ;;
      *) id=$(printf '%q' "$id") ;;
    esac
    COMPREPLY+=("$id")
  done < <("\${words[0]}" __task-ids -- "$start" "\${words[@]:1:cword-1}" 2>/dev/null)
}

_mcp_taskq_contexts() {
  _mcp_taskq_words "$("\${words[0]}" __contexts 2>/dev/null)"
}

# Puts together what bash has split at : and =, as they are within task ids and --option=value.
_mcp_taskq_join() {
  local index word last="" rest=$COMP_LINE
  words=() cword=-1
  for ((index = 0; index <= COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    if [[ $cword -gt 0 && -n $rest && $rest != [[:blank:]]* && ($word == [:=]* || $last == *[:=]) ]]; then
      words[cword]+=$word
    else
      cword=$((cword + 1))
      words[cword]=$word
    fi
    last=$word
    rest=\${rest#"\${rest%%[![:blank:]]*}"}
    rest=\${rest#"$word"}
  done
  cur=\${words[cword]} prev=\${words[cword - 1]}
  if [[ $cur == --*=* ]]; then
    prev=\${cur%%=*}
    cur=\${cur#*=}
  fi
}

# Bash replaces only what comes after the last : or =.
_mcp_taskq_trim() {
  local index before=""
  if [[ $COMP_WORDBREAKS == *:* && $cur == *:* ]]; then before=\${cur%"\${cur##*:}"}; fi
  if [[ $COMP_WORDBREAKS == *=* && \${cur#"$before"} == *=* ]]; then before=\${cur%"\${cur##*=}"}; fi
  for ((index = 0; index < \${#COMPREPLY[@]}; index++)); do
    COMPREPLY[index]=\${COMPREPLY[index]#"$before"}
    if [[ $COMP_WORDBREAKS != *=* && \${words[cword]} == --*=* ]]; then COMPREPLY[index]=$prev=\${COMPREPLY[index]}; fi
  done
}

_mcp_taskq() {
  local cur prev words cword command index ended=""
  _mcp_taskq_join
  for ((index = 1; index < cword; index++)); do
    if [[ \${words[index]} == -- ]]; then ended=+; fi
  done
  for ((index = 1; index < cword; index++)); do
    case "\${words[index]}" in
      ${valueOptions(globals).join(' | ')}) index=$((index + 1)) ;;
      -*) ;;
      *)
        command=\${words[index]}
        break
        ;;
    esac
  done
  case "$command" in
    '')
${options(globals, `_mcp_taskq_words '${names}'`)}
      ;;
${commands
  .map(
    (command) => `    ${command.name})
${options(command.options, argument(command, `${names} ${topics}`))}
      ;;`,
  )
  .join('\n')}
  esac
  _mcp_taskq_trim
}

complete -F _mcp_taskq mcp-taskq
`;
}

function options(all: readonly OptionWords[], otherwise: string): string {
  const lines = all
    .filter(({ value }) => value !== 'none')
    .map((option) => `        ${spellings(option).join(' | ')}) ${valueWords(option)} ;;`);
  const words = all.flatMap(spellings).join(' ');
  return `      case "$prev" in
${lines.join('\n')}
        *)
          case "$ended$cur" in
            -*) _mcp_taskq_words '${words}' ;;
            *) ${otherwise} ;;
          esac
          ;;
      esac`;
}

function valueWords({ value }: OptionWords): string {
  if (value === 'file') return '_mcp_taskq_files';
  if (value === 'context') return '_mcp_taskq_contexts';
  return typeof value === 'string' ? 'COMPREPLY=()' : `_mcp_taskq_words '${value.join(' ')}'`;
}

function argument({ argument: words, hasContextName }: CommandWords, helpWords: string): string {
  if (hasContextName && typeof words !== 'string') {
    const actions = `_mcp_taskq_words '${words.join(' ')}'`;
    return `if ((cword == index + 1)); then ${actions}; else _mcp_taskq_contexts; fi`;
  }
  if (words === 'task') return '_mcp_taskq_tasks';
  if (words === 'command') return `_mcp_taskq_words '${helpWords}'`;
  return words === 'none' ? '_mcp_taskq_files' : `_mcp_taskq_words '${words.join(' ')}'`;
}

function valueOptions(all: readonly OptionWords[]): string[] {
  return all.filter(({ value }) => value !== 'none').flatMap(spellings);
}

function spellings({ short, long }: OptionWords): string[] {
  return short ? [short, long] : [long];
}
