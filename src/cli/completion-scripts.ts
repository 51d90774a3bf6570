/** What each shell has to be told. All ask `ratatoskr complete -- WORDS`, so that what they offer is what the program takes. */
export const completionScripts = {
  bash: `# Completes ratatoskr in bash.
_ratatoskr() {
  local word words=() IFS=$'\\n'
  # A colon ends a word for bash: take the line as it was typed.
  IFS=' ' read -ra words <<< "\${COMP_LINE:0:COMP_POINT}"
  [[ "\${COMP_LINE:0:COMP_POINT}" == *' ' ]] && words+=('')
  word="\${words[-1]}"
  COMPREPLY=($(ratatoskr complete -- "\${words[@]:1}" 2> /dev/null))
  # What comes before the last colon is on the line already.
  if [[ "$word" == *:* && "$COMP_WORDBREAKS" == *:* ]]; then
    local prefix="\${word%"\${word##*:}"}"
    COMPREPLY=("\${COMPREPLY[@]#"$prefix"}")
  fi
}
complete -o default -F _ratatoskr ratatoskr
`,
  zsh: `#compdef ratatoskr
# Completes ratatoskr in zsh.
_ratatoskr() {
  local -a found
  found=("\${(@f)$(ratatoskr complete -- "\${(@)words[2,CURRENT]}" 2> /dev/null)}")
  if (( \${#found[1]} )); then compadd -a found; else _files; fi
}
# Autoloaded, this file is the function in its first call.
if [[ "$funcstack[1]" == _ratatoskr ]]; then _ratatoskr; else compdef _ratatoskr ratatoskr; fi
`,
  fish: `# Completes ratatoskr in fish.
function __ratatoskr_complete
    set -l words (commandline -opc) (commandline -ct)
    ratatoskr complete -- $words[2..-1] 2> /dev/null
end
complete -c ratatoskr -a '(__ratatoskr_complete)'
`,
} as const;
