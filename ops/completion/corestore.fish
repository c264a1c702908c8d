# fish completion for corestore and corestored; the words come from the programs' own help.

function __corestore_program
    set -l words (commandline -opc)
    command -q $words[1]; and echo $words[1]; or echo false
end

function __corestore_verbs
    set -l program (__corestore_program)
    $program --help 2>/dev/null | sed -n '/^Subcommands:/,$s/^  \([a-z]*\)  *\(.*\)/\1\t\2/p'
end

# The verb among the words that are there already, or nothing.
function __corestore_verb
    set -l words (commandline -opc)
    set -l verbs (__corestore_verbs | string replace -r '\t.*' '')
    for word in $words[2..-1]
        if contains -- $word $verbs
            echo $word
            return 0
        end
    end
    return 1
end

function __corestore_needs_verb
    not __corestore_verb >/dev/null
end

# The options of the program, or of the verb that is there, with what the help says of them.
function __corestore_options
    set -l program (__corestore_program)
    $program (__corestore_verb) --help 2>/dev/null | string match -r '(?:^|[ ,])--[a-z][a-z-]*.*' | string replace -r '^[ ,]*(--[a-z][a-z-]*)(?:.*?  +(.*)|.*)$' '$1\t$2'
end

function __corestore_wants_option
    string match -q -- '-*' (commandline -ct)
end

# __corestore_after OPTION...: whether the word before is one of them
function __corestore_after
    set -l words (commandline -opc)
    contains -- $words[-1] $argv
end

function __corestore_wants_value
    __corestore_after --storage --primary-key-file --node --namespace --encryption-key --generation
end

for program in corestore corestored
    complete -c $program -n '__corestore_wants_option' -f -a '(__corestore_options)'
    complete -c $program -n '__corestore_after --storage' -x -a '(__fish_complete_directories (commandline -ct))'
    complete -c $program -n '__corestore_after --durability' -x -a 'commit interval none'
    complete -c $program -n '__corestore_after --log-level' -x -a 'trace debug info warn error off'
    complete -c $program -n '__corestore_after --format' -x -a 'archive hypercore-9 hypercore-10 corestore-5 corestore-6'
    complete -c $program -n '__corestore_after --upload --download --allow-push --push-only' -x -a 'on off'
end
complete -c corestored -n '__corestore_after --generation' -x -a '10 9'
complete -c corestore -n '__corestore_after --generation' -x -a '10 9 both'
complete -c corestore -n 'not __corestore_wants_option; and not __corestore_wants_value; and __corestore_needs_verb' -f -a '(__corestore_verbs)'
