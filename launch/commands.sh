# How the scripts beside this one print, run and refuse.
# shellcheck shell=bash

# Ends with one line that says what to do, and exit code 2.
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 2
}

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# Prints words on one line, so that a shell reads them back as they are.
quote() {
  local word line='' apostrophe="'\\''"
  for word in "$@"; do
    if [[ $word =~ ^[A-Za-z0-9_@%+=:,./-]+$ ]]; then
      line+=" $word"
    else
      line+=" '${word//"'"/$apostrophe}'"
    fi
  done
  printf '%s\n' "${line# }"
}

dry() { [[ $DRY_RUN != 0 ]]; }

# Runs a command, or prints it where DRY_RUN is set.
run() {
  if dry; then quote "$@"; else "$@"; fi
}
