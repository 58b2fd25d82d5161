#!/usr/bin/env bash
# What each host runs: see usage, below.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=launch/env.sh
. launch/env.sh
# shellcheck source=launch/commands.sh
. launch/commands.sh

usage() {
  cat <<'TEXT'
launch/worker.sh ARGUMENTS   install what is missing, then run the program with them
launch/worker.sh --setup     only install

ARGUMENTS are those of `python -m gandl_jax.main`. The program is run again when it
exits 75 (preempted and saved), and when a signal killed it, at most RERUNS times; not
after 0, 1, 2 or anything else. SIGTERM, Ctrl-C and a lost terminal are passed on as
SIGTERM, and it is not run again. The exit code is the program's last one.

Settings are in launch/env.sh; DRY_RUN=1 prints the commands and runs none of them
(Pythons are asked for their versions all the same).
TEXT
}

# --- Installing

usable() {
  "$1" -c 'import ensurepip, sys, venv
sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null
}

# Prints a Python that can be used, if there is one.
found_python() {
  local candidate
  for candidate in python3.13 python3.12 python3.11 python3; do
    if usable "$candidate"; then
      echo "$candidate"
      return
    fi
  done
}

as_root() {
  if ((EUID)); then run sudo "$@"; else run "$@"; fi
}

# An image that has just booted may still be installing: apt-get waits for its lock.
apt() {
  as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a \
    apt-get -o DPkg::Lock::Timeout=600 --yes "$@"
}

# Ubuntu 22.04, which TPU images are, has Python 3.10 and a release candidate of 3.11.
install_python() {
  local system
  # shellcheck disable=SC1090  # OS_RELEASE is for the tests
  system=$(. "${OS_RELEASE:-/etc/os-release}" 2>/dev/null && echo "${ID:-}") || true
  case $system in
    ubuntu) as_root add-apt-repository --yes --no-update ppa:deadsnakes/ppa ;;
    debian) ;;
    *) die "no Python 3.11 to 3.13 with venv: install one, or say PYTHON=/path/to/it" ;;
  esac
  apt update
  apt install "$PYTHON_PACKAGE" "$PYTHON_PACKAGE-venv"
}

choose_python() {
  if [[ $PYTHON ]]; then
    usable "$PYTHON" || die "PYTHON=$PYTHON is not a Python 3.11 to 3.13 with venv"
    return
  fi
  PYTHON=$(found_python)
  [[ $PYTHON ]] && return
  install_python
  PYTHON=$PYTHON_PACKAGE
  dry || usable "$PYTHON" || die "$PYTHON was installed, but does not run"
}

has_pip() { usable "$1" && "$1" -c 'import pip' 2>/dev/null; }

# Installs the pinned versions, unless that was done since they last changed.
install() {
  local stamp="$VENV/installed-$EXTRA"
  [[ $stamp -nt setup.py && $stamp -nt launch/constraints.txt &&
    $stamp -nt launch/classical.txt ]] && return
  if ! has_pip "$VENV/bin/python"; then
    choose_python
    run "$PYTHON" -m venv "$VENV"
  fi
  run "$VENV/bin/python" -m pip install --quiet -c launch/constraints.txt -e ".[$EXTRA]"
  run "$VENV/bin/python" -m pip install --quiet --no-deps -r launch/classical.txt
  run touch "$stamp"
}

# --- Running

program=()  # the command, without the arguments
child=      # its process while it runs
asked=0     # how often we were asked to stop
passed=0    # how often that was passed on
interrupted=0

# JAX would go on alone with the CPU where it finds no accelerator: then it shall fail.
set_program() {
  local platforms
  if [[ $PROGRAM ]]; then
    read -ra program <<<"$PROGRAM"
    return
  fi
  case $EXTRA in
    tpu*) platforms=tpu,cpu ;;
    cuda12*) platforms=cuda,cpu ;;
    *) platforms= ;;
  esac
  program=("$VENV/bin/python" -m gandl_jax.main)
  if [[ $platforms && -z ${JAX_PLATFORMS:-} ]]; then
    program=(env "JAX_PLATFORMS=$platforms" "${program[@]}")
  fi
}

pass_on() {
  if [[ $child ]] && ((passed < asked)); then
    passed=$asked
    kill -TERM "$child" 2>/dev/null || true
  fi
}

on_signal() {
  ((++asked))
  interrupted=1
  pass_on
}

# Waits for the child to end, through any signal that interrupts the waiting.
await_child() {
  local status
  while true; do
    interrupted=0 status=0
    wait "$child" || status=$?
    ((interrupted)) || break
  done
  child=
  return "$status"
}

run_once() {
  "${program[@]}" "$@" </dev/null &
  child=$!
  pass_on  # what came while it was being started
  await_child
}

pause() {
  sleep "$RERUN_DELAY_S" &
  child=$!
  await_child || true
}

# Exit codes of the shell: 128 + the signal. 130 is also the program's own for Ctrl-C.
killed_by_signal() { (($1 > 128 && $1 <= 192 && $1 != 130)); }

supervise() {
  local status deaths=0
  while true; do
    status=0
    run_once "$@" || status=$?
    if ((asked)); then
      say "stopped when asked to; the program ended with $status"
      return "$status"
    elif ((status == 75)); then
      say "the program saved and exited 75: running it again in $RERUN_DELAY_S s"
    elif killed_by_signal "$status" && ((deaths < RERUNS)); then
      ((++deaths))
      say "the program was killed by SIG$(kill -l $((status - 128))): running it" \
        "again in $RERUN_DELAY_S s ($deaths of at most $RERUNS)"
    else
      say "the program ended with $status"
      return "$status"
    fi
    pause
    ((asked == 0)) || return "$status"
  done
}

main() {
  case ${1:-} in
    -h | --help) usage; exit ;;
    '') usage; exit 2 ;;
  esac
  [[ $RERUNS =~ ^[0-9]+$ ]] || die "RERUNS=$RERUNS should be a whole number"
  [[ $PROGRAM ]] || install
  [[ $1 != --setup ]] || return 0
  set_program
  if dry; then
    quote "${program[@]}" "$@"
    return
  fi
  trap on_signal TERM INT HUP
  supervise "$@"
}

main "$@"
