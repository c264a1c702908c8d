# bash completion for corestore and corestored; the words come from the programs' own help.
_corestore_words() {
  "$1" "${@:2}" --help 2>/dev/null | grep -oE '(^|[ ,])--[a-z][a-z-]*' | tr -d ' ,'
}

_corestore() {
  local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" program="${COMP_WORDS[0]}" verb="" each
  COMPREPLY=()
  case "$before" in
  --storage) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
  --config | --primary-key-file | --file | --evidence | --proof) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
  --durability) mapfile -t COMPREPLY < <(compgen -W "commit interval none" -- "$word"); return ;;
  --log-level) mapfile -t COMPREPLY < <(compgen -W "trace debug info warn error off" -- "$word"); return ;;
  --format) mapfile -t COMPREPLY < <(compgen -W "archive hypercore-9 hypercore-10 corestore-5 corestore-6" -- "$word"); return ;;
  --upload | --download | --allow-push | --push-only) mapfile -t COMPREPLY < <(compgen -W "on off" -- "$word"); return ;;
  --generation)
    [ "${program##*/}" = corestore ] && each=both || each=
    mapfile -t COMPREPLY < <(compgen -W "10 9 $each" -- "$word")
    return
    ;;
  esac
  local verbs=""
  if [ "${program##*/}" = corestore ]; then
    verbs="$("$program" --help 2>/dev/null | sed -n '/^Subcommands:/,$s/^  \([a-z]*\) .*/\1/p')"
    for each in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
      [[ " ${verbs//$'\n'/ } " == *" $each "* ]] && verb="$each" && break
    done
  fi
  if [[ "$word" == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_corestore_words "$program" $verb)" -- "$word")
  elif [ -z "$verb" ] && [ -n "$verbs" ]; then
    mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}

complete -F _corestore corestore corestored
