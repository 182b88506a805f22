# bash completion for mcp-taskq, made by "mcp-taskq completion bash"

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
    \'*) start=${cur#?} ;;
    *) IFS= read start <<<"${cur#\"}" ;; # Without -r, this removes the backslashes.
  esac
  COMPREPLY=()
  while IFS= read -r id; do
    case "$cur" in
      \'*) id=$(sed "s/'/'\\\\''/g" <<<"$id") ;;
      \"*) id=$(sed 's/[\\"$`]/\\&/g' <<<"$id") ;;
      *) id=$(printf '%q' "$id") ;;
    esac
    COMPREPLY+=("$id")
  done < <("${words[0]}" __task-ids -- "$start" "${words[@]:1:cword-1}" 2>/dev/null)
}

_mcp_taskq_contexts() {
  _mcp_taskq_words "$("${words[0]}" __contexts 2>/dev/null)"
}

# Puts together what bash has split at : and =, as they are within task ids and --option=value.
_mcp_taskq_join() {
  local index word last="" rest=$COMP_LINE
  words=() cword=-1
  for ((index = 0; index <= COMP_CWORD; index++)); do
    word=${COMP_WORDS[index]}
    if [[ $cword -gt 0 && -n $rest && $rest != [[:blank:]]* && ($word == [:=]* || $last == *[:=]) ]]; then
      words[cword]+=$word
    else
      cword=$((cword + 1))
      words[cword]=$word
    fi
    last=$word
    rest=${rest#"${rest%%[![:blank:]]*}"}
    rest=${rest#"$word"}
  done
  cur=${words[cword]} prev=${words[cword - 1]}
  if [[ $cur == --*=* ]]; then
    prev=${cur%%=*}
    cur=${cur#*=}
  fi
}

# Bash replaces only what comes after the last : or =.
_mcp_taskq_trim() {
  local index before=""
  if [[ $COMP_WORDBREAKS == *:* && $cur == *:* ]]; then before=${cur%"${cur##*:}"}; fi
  if [[ $COMP_WORDBREAKS == *=* && ${cur#"$before"} == *=* ]]; then before=${cur%"${cur##*=}"}; fi
  for ((index = 0; index < ${#COMPREPLY[@]}; index++)); do
    COMPREPLY[index]=${COMPREPLY[index]#"$before"}
    if [[ $COMP_WORDBREAKS != *=* && ${words[cword]} == --*=* ]]; then COMPREPLY[index]=$prev=${COMPREPLY[index]}; fi
  done
}

_mcp_taskq() {
  local cur prev words cword command index ended=""
  _mcp_taskq_join
  for ((index = 1; index < cword; index++)); do
    if [[ ${words[index]} == -- ]]; then ended=+; fi
  done
  for ((index = 1; index < cword; index++)); do
    case "${words[index]}" in
      -u | --url | --context | --prefix | --queue-type | --api-url | --password-file | --tls-ca-file | --tls-cert-file | --tls-key-file | --tls-pass-file | --tls-server-name | --connect-timeout | --timeout | -o | --output) index=$((index + 1)) ;;
      -*) ;;
      *)
        command=${words[index]}
        break
        ;;
    esac
  done
  case "$command" in
    '')
      case "$prev" in
        -u | --url) COMPREPLY=() ;;
        --context) _mcp_taskq_contexts ;;
        --prefix) COMPREPLY=() ;;
        --queue-type) _mcp_taskq_words 'default quorum' ;;
        --api-url) COMPREPLY=() ;;
        --password-file) _mcp_taskq_files ;;
        --tls-ca-file) _mcp_taskq_files ;;
        --tls-cert-file) _mcp_taskq_files ;;
        --tls-key-file) _mcp_taskq_files ;;
        --tls-pass-file) _mcp_taskq_files ;;
        --tls-server-name) COMPREPLY=() ;;
        --connect-timeout) COMPREPLY=() ;;
        --timeout) COMPREPLY=() ;;
        -o | --output) _mcp_taskq_words 'auto table wide json jsonl raw' ;;
        *)
          case "$ended$cur" in
            -*) _mcp_taskq_words '-V --version -u --url --context --prefix --queue-type --api-url --password-file --tls-ca-file --tls-cert-file --tls-key-file --tls-pass-file --tls-server-name --insecure --connect-timeout --timeout -o --output --json --no-color --no-pager --verbose -h --help' ;;
            *) _mcp_taskq_words 'ls describe peek watch enqueue dequeue mv cp clear prune check status context broker completion help' ;;
          esac
          ;;
      esac
      ;;
    ls)
      case "$prev" in
        --min) COMPREPLY=() ;;
        --older-than) COMPREPLY=() ;;
        --idle) COMPREPLY=() ;;
        --ids) _mcp_taskq_files ;;
        --limit) COMPREPLY=() ;;
        --sort) _mcp_taskq_words 'name ready unacked consumers oldest idle' ;;
        --interval) COMPREPLY=() ;;
        -u | --url) COMPREPLY=() ;;
        --context) _mcp_taskq_contexts ;;
        --prefix) COMPREPLY=() ;;
        --queue-type) _mcp_taskq_words 'default quorum' ;;
        --api-url) COMPREPLY=() ;;
        --password-file) _mcp_taskq_files ;;
        --tls-ca-file) _mcp_taskq_files ;;
        --tls-cert-file) _mcp_taskq_files ;;
        --tls-key-file) _mcp_taskq_files ;;
        --tls-pass-file) _mcp_taskq_files ;;
        --tls-server-name) COMPREPLY=() ;;
        --connect-timeout) COMPREPLY=() ;;
        --timeout) COMPREPLY=() ;;
        -o | --output) _mcp_taskq_words 'auto table wide json jsonl raw' ;;
        *)
          case "$ended$cur" in
            -*) _mcp_taskq_words '--non-empty --no-consumers --min --older-than --idle --ids --limit --sort --reverse --peek --no-peek --exact --names -0 --null -w --watch --interval -u --url --context --prefix --queue-type --api-url --password-file --tls-ca-file --tls-cert-file --tls-key-file --tls-pass-file --tls-server-name --insecure --connect-timeout --timeout -o --output --json --no-color --no-pager --verbose -h --help' ;;
            *) _mcp_taskq_tasks ;;
          esac
          ;;
      esac
      ;;
    describe)
      case "$prev" in
        --listen) COMPREPLY=() ;;
        -u | --url) COMPREPLY=() ;;
        --context) _mcp_taskq_contexts ;;
        --prefix) COMPREPLY=() ;;
        --queue-type) _mcp_taskq_words 'default quorum' ;;
        --api-url) COMPREPLY=() ;;
        --password-file) _mcp_taskq_files ;;
        --tls-ca-file) _mcp_taskq_files ;;
        --tls-cert-file) _mcp_taskq_files ;;
        --tls-key-file) _mcp_taskq_files ;;
        --tls-pass-file) _mcp_taskq_files ;;
        --tls-server-name) COMPREPLY=() ;;
        --connect-timeout) COMPREPLY=() ;;
        --timeout) COMPREPLY=() ;;
        -o | --output) _mcp_taskq_words 'auto table wide json jsonl raw' ;;
        *)
          case "$ended$cur" in
            -*) _mcp_taskq_words '--no-peek --listen -u --url --context --prefix --queue-type --api-url --password-file --tls-ca-file --tls-cert-file --tls-key-file --tls-pass-file --tls-server-name --insecure --connect-timeout --timeout -o --output --json --no-color --no-pager --verbose -h --help' ;;
            *) _mcp_taskq_tasks ;;
          esac
          ;;
      esac
      ;;
    peek)
      case "$prev" in
        -n | --limit) COMPREPLY=() ;;
        --tail) COMPREPLY=() ;;
        --skip) COMPREPLY=() ;;
        --since) COMPREPLY=() ;;
        --filter) COMPREPLY=() ;;
        --out) _mcp_taskq_files ;;
        -u | --url) COMPREPLY=() ;;
        --context) _mcp_taskq_contexts ;;
        --prefix) COMPREPLY=() ;;
        --queue-type) _mcp_taskq_words 'default quorum' ;;
        --api-url) COMPREPLY=() ;;
        --password-file) _mcp_taskq_files ;;
        --tls-ca-file) _mcp_taskq_files ;;
        --tls-cert-file) _mcp_taskq_files ;;
        --tls-key-file) _mcp_taskq_files ;;
        --tls-pass-file) _mcp_taskq_files ;;
        --tls-server-name) COMPREPLY=() ;;
        --connect-timeout) COMPREPLY=() ;;
        --timeout) COMPREPLY=() ;;
        -o | --output) _mcp_taskq_words 'auto table wide json jsonl raw' ;;
        *)
          case "$ended$cur" in
            -*) _mcp_taskq_words '-n --limit --all --tail --skip --since --force --filter -0 --null -y --yes --full --out --append --overwrite -u --url --context --prefix --queue-type --api-url --password-file --tls-ca-file --tls-cert-file --tls-key-file --tls-pass-file --tls-server-name --insecure --connect-timeout --timeout -o --output --json --no-color --no-pager --verbose -h --help' ;;
            *) _mcp_taskq_tasks ;;
          esac
          ;;
      esac
      ;;
    watch)
      case "$prev" in
        --tail) COMPREPLY=() ;;
        --filter) COMPREPLY=() ;;
        -n | --limit) COMPREPLY=() ;;
        --for) COMPREPLY=() ;;
        --idle) COMPREPLY=() ;;
        -u | --url) COMPREPLY=() ;;
        --context) _mcp_taskq_contexts ;;
        --prefix) COMPREPLY=() ;;
        --queue-type) _mcp_taskq_words 'default quorum' ;;
        --api-url) COMPREPLY=() ;;
        --password-file) _mcp_taskq_files ;;
        --tls-ca-file) _mcp_taskq_files ;;
        --tls-cert-file) _mcp_taskq_files ;;
        --tls-key-file) _mcp_taskq_files ;;
        --tls-pass-file) _mcp_taskq_files ;;
        --tls-server-name) COMPREPLY=() ;;
        --connect-timeout) COMPREPLY=() ;;
        --timeout) COMPREPLY=() ;;
        -o | --output) _mcp_taskq_words 'auto table wide json jsonl raw' ;;
        *)
          case "$ended$cur" in
            -*) _mcp_taskq_words '--tail --events --no-peek --filter -n --limit --for --idle -u --url --context --prefix --queue-type --api-url --password-file --tls-ca-file --tls-cert-file --tls-key-file --tls-pass-file --tls-server-name --insecure --connect-timeout --timeout -o --output --json --no-color --no-pager --verbose -h --help' ;;
            *) _mcp_taskq_tasks ;;
          esac
          ;;
      esac
      ;;
    enqueue)
      case "$prev" in
        --type) _mcp_taskq_words 'request notification' ;;
        --method) _mcp_taskq_words 'elicitation/create sampling/createMessage roots/list ping notifications/progress notifications/message notifications/cancelled notifications/tasks/status' ;;
        --params) COMPREPLY=() ;;
        --id) COMPREPLY=() ;;
        --from) _mcp_taskq_files ;;
        --skip) COMPREPLY=() ;;
        --limit) COMPREPLY=() ;;
        --id-prefix) COMPREPLY=() ;;
        --rate) COMPREPLY=() ;;
        --speed) COMPREPLY=() ;;
        --header) COMPREPLY=() ;;
        -u | --url) COMPREPLY=() ;;
        --context) _mcp_taskq_contexts ;;
        --prefix) COMPREPLY=() ;;
        --queue-type) _mcp_taskq_words 'default quorum' ;;
        --api-url) COMPREPLY=() ;;
        --password-file) _mcp_taskq_files ;;
        --tls-ca-file) _mcp_taskq_files ;;
        --tls-cert-file) _mcp_taskq_files ;;
        --tls-key-file) _mcp_taskq_files ;;
        --tls-pass-file) _mcp_taskq_files ;;
        --tls-server-name) COMPREPLY=() ;;
        --connect-timeout) COMPREPLY=() ;;
        --timeout) COMPREPLY=() ;;
        -o | --output) _mcp_taskq_words 'auto table wide json jsonl raw' ;;
        *)
          case "$ended$cur" in
            -*) _mcp_taskq_words '--type --method --params --id --from --skip --limit --id-prefix --rate --keep-timing --speed --header --no-create --keep-expiration --mark --dry-run -u --url --context --prefix --queue-type --api-url --password-file --tls-ca-file --tls-cert-file --tls-key-file --tls-pass-file --tls-server-name --insecure --connect-timeout --timeout -o --output --json --no-color --no-pager --verbose -h --help' ;;
            *) _mcp_taskq_tasks ;;
          esac
          ;;
      esac
      ;;
    dequeue)
      case "$prev" in
        -n | --limit) COMPREPLY=() ;;
        --wait) COMPREPLY=() ;;
        --filter) COMPREPLY=() ;;
        --out) _mcp_taskq_files ;;
        --exec) COMPREPLY=() ;;
        -u | --url) COMPREPLY=() ;;
        --context) _mcp_taskq_contexts ;;
        --prefix) COMPREPLY=() ;;
        --queue-type) _mcp_taskq_words 'default quorum' ;;
        --api-url) COMPREPLY=() ;;
        --password-file) _mcp_taskq_files ;;
        --tls-ca-file) _mcp_taskq_files ;;
        --tls-cert-file) _mcp_taskq_files ;;
        --tls-key-file) _mcp_taskq_files ;;
        --tls-pass-file) _mcp_taskq_files ;;
        --tls-server-name) COMPREPLY=() ;;
        --connect-timeout) COMPREPLY=() ;;
        --timeout) COMPREPLY=() ;;
        -o | --output) _mcp_taskq_words 'auto table wide json jsonl raw' ;;
        *)
          case "$ended$cur" in
            -*) _mcp_taskq_words '-n --limit --all --wait --filter --out --append --overwrite --exec --dry-run --force -y --yes -u --url --context --prefix --queue-type --api-url --password-file --tls-ca-file --tls-cert-file --tls-key-file --tls-pass-file --tls-server-name --insecure --connect-timeout --timeout -o --output --json --no-color --no-pager --verbose -h --help' ;;
            *) _mcp_taskq_tasks ;;
          esac
          ;;
      esac
      ;;
    mv)
      case "$prev" in
        -n | --limit) COMPREPLY=() ;;
        --filter) COMPREPLY=() ;;
        -u | --url) COMPREPLY=() ;;
        --context) _mcp_taskq_contexts ;;
        --prefix) COMPREPLY=() ;;
        --queue-type) _mcp_taskq_words 'default quorum' ;;
        --api-url) COMPREPLY=() ;;
        --password-file) _mcp_taskq_files ;;
        --tls-ca-file) _mcp_taskq_files ;;
        --tls-cert-file) _mcp_taskq_files ;;
        --tls-key-file) _mcp_taskq_files ;;
        --tls-pass-file) _mcp_taskq_files ;;
        --tls-server-name) COMPREPLY=() ;;
        --connect-timeout) COMPREPLY=() ;;
        --timeout) COMPREPLY=() ;;
        -o | --output) _mcp_taskq_words 'auto table wide json jsonl raw' ;;
        *)
          case "$ended$cur" in
            -*) _mcp_taskq_words '-n --limit --all --filter -0 --null --no-create --keep-expiration --dry-run --force -y --yes -u --url --context --prefix --queue-type --api-url --password-file --tls-ca-file --tls-cert-file --tls-key-file --tls-pass-file --tls-server-name --insecure --connect-timeout --timeout -o --output --json --no-color --no-pager --verbose -h --help' ;;
            *) _mcp_taskq_tasks ;;
          esac
          ;;
      esac
      ;;
    cp)
      case "$prev" in
        -n | --limit) COMPREPLY=() ;;
        --skip) COMPREPLY=() ;;
        --filter) COMPREPLY=() ;;
        -u | --url) COMPREPLY=() ;;
        --context) _mcp_taskq_contexts ;;
        --prefix) COMPREPLY=() ;;
        --queue-type) _mcp_taskq_words 'default quorum' ;;
        --api-url) COMPREPLY=() ;;
        --password-file) _mcp_taskq_files ;;
        --tls-ca-file) _mcp_taskq_files ;;
        --tls-cert-file) _mcp_taskq_files ;;
        --tls-key-file) _mcp_taskq_files ;;
        --tls-pass-file) _mcp_taskq_files ;;
        --tls-server-name) COMPREPLY=() ;;
        --connect-timeout) COMPREPLY=() ;;
        --timeout) COMPREPLY=() ;;
        -o | --output) _mcp_taskq_words 'auto table wide json jsonl raw' ;;
        *)
          case "$ended$cur" in
            -*) _mcp_taskq_words '-n --limit --all --skip --filter --no-create --keep-expiration --force --dry-run -u --url --context --prefix --queue-type --api-url --password-file --tls-ca-file --tls-cert-file --tls-key-file --tls-pass-file --tls-server-name --insecure --connect-timeout --timeout -o --output --json --no-color --no-pager --verbose -h --help' ;;
            *) _mcp_taskq_tasks ;;
          esac
          ;;
      esac
      ;;
    clear)
      case "$prev" in
        --older-than) COMPREPLY=() ;;
        --filter) COMPREPLY=() ;;
        --backup) _mcp_taskq_files ;;
        -u | --url) COMPREPLY=() ;;
        --context) _mcp_taskq_contexts ;;
        --prefix) COMPREPLY=() ;;
        --queue-type) _mcp_taskq_words 'default quorum' ;;
        --api-url) COMPREPLY=() ;;
        --password-file) _mcp_taskq_files ;;
        --tls-ca-file) _mcp_taskq_files ;;
        --tls-cert-file) _mcp_taskq_files ;;
        --tls-key-file) _mcp_taskq_files ;;
        --tls-pass-file) _mcp_taskq_files ;;
        --tls-server-name) COMPREPLY=() ;;
        --connect-timeout) COMPREPLY=() ;;
        --timeout) COMPREPLY=() ;;
        -o | --output) _mcp_taskq_words 'auto table wide json jsonl raw' ;;
        *)
          case "$ended$cur" in
            -*) _mcp_taskq_words '--older-than --filter -0 --null --backup --keep-queue --dry-run --force -y --yes -u --url --context --prefix --queue-type --api-url --password-file --tls-ca-file --tls-cert-file --tls-key-file --tls-pass-file --tls-server-name --insecure --connect-timeout --timeout -o --output --json --no-color --no-pager --verbose -h --help' ;;
            *) _mcp_taskq_tasks ;;
          esac
          ;;
      esac
      ;;
    prune)
      case "$prev" in
        --pattern) COMPREPLY=() ;;
        --idle) COMPREPLY=() ;;
        -u | --url) COMPREPLY=() ;;
        --context) _mcp_taskq_contexts ;;
        --prefix) COMPREPLY=() ;;
        --queue-type) _mcp_taskq_words 'default quorum' ;;
        --api-url) COMPREPLY=() ;;
        --password-file) _mcp_taskq_files ;;
        --tls-ca-file) _mcp_taskq_files ;;
        --tls-cert-file) _mcp_taskq_files ;;
        --tls-key-file) _mcp_taskq_files ;;
        --tls-pass-file) _mcp_taskq_files ;;
        --tls-server-name) COMPREPLY=() ;;
        --connect-timeout) COMPREPLY=() ;;
        --timeout) COMPREPLY=() ;;
        -o | --output) _mcp_taskq_words 'auto table wide json jsonl raw' ;;
        *)
          case "$ended$cur" in
            -*) _mcp_taskq_words '--pattern --idle --dry-run -y --yes -u --url --context --prefix --queue-type --api-url --password-file --tls-ca-file --tls-cert-file --tls-key-file --tls-pass-file --tls-server-name --insecure --connect-timeout --timeout -o --output --json --no-color --no-pager --verbose -h --help' ;;
            *) _mcp_taskq_files ;;
          esac
          ;;
      esac
      ;;
    check)
      case "$prev" in
        --depth-warn) COMPREPLY=() ;;
        --depth-critical) COMPREPLY=() ;;
        --age-warn) COMPREPLY=() ;;
        --age-critical) COMPREPLY=() ;;
        --unconsumed-warn) COMPREPLY=() ;;
        --unconsumed-critical) COMPREPLY=() ;;
        --format) _mcp_taskq_words 'text json prometheus' ;;
        -u | --url) COMPREPLY=() ;;
        --context) _mcp_taskq_contexts ;;
        --prefix) COMPREPLY=() ;;
        --queue-type) _mcp_taskq_words 'default quorum' ;;
        --api-url) COMPREPLY=() ;;
        --password-file) _mcp_taskq_files ;;
        --tls-ca-file) _mcp_taskq_files ;;
        --tls-cert-file) _mcp_taskq_files ;;
        --tls-key-file) _mcp_taskq_files ;;
        --tls-pass-file) _mcp_taskq_files ;;
        --tls-server-name) COMPREPLY=() ;;
        --connect-timeout) COMPREPLY=() ;;
        --timeout) COMPREPLY=() ;;
        -o | --output) _mcp_taskq_words 'auto table wide json jsonl raw' ;;
        *)
          case "$ended$cur" in
            -*) _mcp_taskq_words '--depth-warn --depth-critical --age-warn --age-critical --unconsumed-warn --unconsumed-critical --no-peek --format -u --url --context --prefix --queue-type --api-url --password-file --tls-ca-file --tls-cert-file --tls-key-file --tls-pass-file --tls-server-name --insecure --connect-timeout --timeout -o --output --json --no-color --no-pager --verbose -h --help' ;;
            *) _mcp_taskq_tasks ;;
          esac
          ;;
      esac
      ;;
    status)
      case "$prev" in
        --listen) COMPREPLY=() ;;
        -u | --url) COMPREPLY=() ;;
        --context) _mcp_taskq_contexts ;;
        --prefix) COMPREPLY=() ;;
        --queue-type) _mcp_taskq_words 'default quorum' ;;
        --api-url) COMPREPLY=() ;;
        --password-file) _mcp_taskq_files ;;
        --tls-ca-file) _mcp_taskq_files ;;
        --tls-cert-file) _mcp_taskq_files ;;
        --tls-key-file) _mcp_taskq_files ;;
        --tls-pass-file) _mcp_taskq_files ;;
        --tls-server-name) COMPREPLY=() ;;
        --connect-timeout) COMPREPLY=() ;;
        --timeout) COMPREPLY=() ;;
        -o | --output) _mcp_taskq_words 'auto table wide json jsonl raw' ;;
        *)
          case "$ended$cur" in
            -*) _mcp_taskq_words '--no-api --listen -u --url --context --prefix --queue-type --api-url --password-file --tls-ca-file --tls-cert-file --tls-key-file --tls-pass-file --tls-server-name --insecure --connect-timeout --timeout -o --output --json --no-color --no-pager --verbose -h --help' ;;
            *) _mcp_taskq_files ;;
          esac
          ;;
      esac
      ;;
    context)
      case "$prev" in
        --password-command) COMPREPLY=() ;;
        --description) COMPREPLY=() ;;
        --unset) COMPREPLY=() ;;
        -u | --url) COMPREPLY=() ;;
        --context) _mcp_taskq_contexts ;;
        --prefix) COMPREPLY=() ;;
        --queue-type) _mcp_taskq_words 'default quorum' ;;
        --api-url) COMPREPLY=() ;;
        --password-file) _mcp_taskq_files ;;
        --tls-ca-file) _mcp_taskq_files ;;
        --tls-cert-file) _mcp_taskq_files ;;
        --tls-key-file) _mcp_taskq_files ;;
        --tls-pass-file) _mcp_taskq_files ;;
        --tls-server-name) COMPREPLY=() ;;
        --connect-timeout) COMPREPLY=() ;;
        --timeout) COMPREPLY=() ;;
        -o | --output) _mcp_taskq_words 'auto table wide json jsonl raw' ;;
        *)
          case "$ended$cur" in
            -*) _mcp_taskq_words '--none --password-command --store-password --protected --unprotected --description --unset -u --url --context --prefix --queue-type --api-url --password-file --tls-ca-file --tls-cert-file --tls-key-file --tls-pass-file --tls-server-name --insecure --connect-timeout --timeout -o --output --json --no-color --no-pager --verbose -h --help' ;;
            *) if ((cword == index + 1)); then _mcp_taskq_words 'ls show use set rm'; else _mcp_taskq_contexts; fi ;;
          esac
          ;;
      esac
      ;;
    broker)
      case "$prev" in
        --port) COMPREPLY=() ;;
        --api-port) COMPREPLY=() ;;
        --data) _mcp_taskq_files ;;
        -u | --url) COMPREPLY=() ;;
        --context) _mcp_taskq_contexts ;;
        --prefix) COMPREPLY=() ;;
        --queue-type) _mcp_taskq_words 'default quorum' ;;
        --api-url) COMPREPLY=() ;;
        --password-file) _mcp_taskq_files ;;
        --tls-ca-file) _mcp_taskq_files ;;
        --tls-cert-file) _mcp_taskq_files ;;
        --tls-key-file) _mcp_taskq_files ;;
        --tls-pass-file) _mcp_taskq_files ;;
        --tls-server-name) COMPREPLY=() ;;
        --connect-timeout) COMPREPLY=() ;;
        --timeout) COMPREPLY=() ;;
        -o | --output) _mcp_taskq_words 'auto table wide json jsonl raw' ;;
        *)
          case "$ended$cur" in
            -*) _mcp_taskq_words '--port --api-port --data --management --install -u --url --context --prefix --queue-type --api-url --password-file --tls-ca-file --tls-cert-file --tls-key-file --tls-pass-file --tls-server-name --insecure --connect-timeout --timeout -o --output --json --no-color --no-pager --verbose -h --help' ;;
            *) _mcp_taskq_files ;;
          esac
          ;;
      esac
      ;;
    completion)
      case "$prev" in
        -u | --url) COMPREPLY=() ;;
        --context) _mcp_taskq_contexts ;;
        --prefix) COMPREPLY=() ;;
        --queue-type) _mcp_taskq_words 'default quorum' ;;
        --api-url) COMPREPLY=() ;;
        --password-file) _mcp_taskq_files ;;
        --tls-ca-file) _mcp_taskq_files ;;
        --tls-cert-file) _mcp_taskq_files ;;
        --tls-key-file) _mcp_taskq_files ;;
        --tls-pass-file) _mcp_taskq_files ;;
        --tls-server-name) COMPREPLY=() ;;
        --connect-timeout) COMPREPLY=() ;;
        --timeout) COMPREPLY=() ;;
        -o | --output) _mcp_taskq_words 'auto table wide json jsonl raw' ;;
        *)
          case "$ended$cur" in
            -*) _mcp_taskq_words '-u --url --context --prefix --queue-type --api-url --password-file --tls-ca-file --tls-cert-file --tls-key-file --tls-pass-file --tls-server-name --insecure --connect-timeout --timeout -o --output --json --no-color --no-pager --verbose -h --help' ;;
            *) _mcp_taskq_words 'bash zsh fish' ;;
          esac
          ;;
      esac
      ;;
    help)
      case "$prev" in
        -u | --url) COMPREPLY=() ;;
        --context) _mcp_taskq_contexts ;;
        --prefix) COMPREPLY=() ;;
        --queue-type) _mcp_taskq_words 'default quorum' ;;
        --api-url) COMPREPLY=() ;;
        --password-file) _mcp_taskq_files ;;
        --tls-ca-file) _mcp_taskq_files ;;
        --tls-cert-file) _mcp_taskq_files ;;
        --tls-key-file) _mcp_taskq_files ;;
        --tls-pass-file) _mcp_taskq_files ;;
        --tls-server-name) COMPREPLY=() ;;
        --connect-timeout) COMPREPLY=() ;;
        --timeout) COMPREPLY=() ;;
        -o | --output) _mcp_taskq_words 'auto table wide json jsonl raw' ;;
        *)
          case "$ended$cur" in
            -*) _mcp_taskq_words '-u --url --context --prefix --queue-type --api-url --password-file --tls-ca-file --tls-cert-file --tls-key-file --tls-pass-file --tls-server-name --insecure --connect-timeout --timeout -o --output --json --no-color --no-pager --verbose -h --help' ;;
            *) _mcp_taskq_words 'ls describe peek watch enqueue dequeue mv cp clear prune check status context broker completion help connection contexts tls permissions policies quorum watching filters output replay exit-codes monitoring guarantees troubleshooting embedding replicas' ;;
          esac
          ;;
      esac
      ;;
  esac
  _mcp_taskq_trim
}

complete -F _mcp_taskq mcp-taskq
