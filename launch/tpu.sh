#!/usr/bin/env bash
# Cloud TPUs from your own machine: see usage, below.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=launch/env.sh
. "$root/launch/env.sh"
# shellcheck source=launch/commands.sh
. "$root/launch/commands.sh"

usage() {
  cat <<'TEXT'
launch/tpu.sh create           queue a request for the TPU (Google's queued resources)
launch/tpu.sh status           what became of it; once it is ACTIVE, of the run
launch/tpu.sh setup            send the code and configs/, install on every host
launch/tpu.sh run ARGUMENTS    run in the background on every host
launch/tpu.sh logs             follow what it prints (WORKER=all: of every host)
launch/tpu.sh stop             let it save, and end it
launch/tpu.sh delete           give the TPU back; what is on its disks is lost

Settings (PROJECT, ZONE, ACCELERATOR_TYPE, BUCKET, ...) are in launch/env.sh. ARGUMENTS
are those of `python -m gandl_jax.main`; where BUCKET is set and no --workdir given,
--workdir=BUCKET/runs/NAME-OF-THE-CONFIG is added. After a change of code or configs,
setup again. DRY_RUN=1 prints the commands and runs none of them.

  export PROJECT=my-project BUCKET=gs://my-bucket
  launch/tpu.sh create && launch/tpu.sh status
  launch/tpu.sh setup
  launch/tpu.sh run --config=configs/rxrx19a.py --config.data.dir=gs://my-bucket/data
  launch/tpu.sh run --config=configs/rxrx19a.py --config.data.dir=gs://my-bucket/data \
    --job=embed,export
A spot TPU that was taken away is SUSPENDED: delete, create, setup and the same run go
on from the bucket. With many hosts, `ssh-add ~/.ssh/google_compute_engine` first.
TEXT
}

unit=gandl  # of systemd, on the hosts

check_settings() {
  [[ $PROJECT ]] || die "PROJECT is not set: write the id of your Google Cloud" \
    "project into launch/env.sh, or say PROJECT=my-project launch/tpu.sh ..."
  [[ $BUCKET == '' || $BUCKET == gs://?* ]] || die "BUCKET=$BUCKET should be gs://NAME"
  dry || command -v gcloud >/dev/null || die "gcloud is not found: install it" \
    "(https://cloud.google.com/sdk/docs/install), then gcloud auth login"
}

tpus() {
  local group=$1 verb=$2
  shift 2
  run gcloud compute tpus "$group" "$verb" "$@" "--project=$PROJECT" "--zone=$ZONE"
}

# Prints the settings of launch/worker.sh, NAME=VALUE, each after the given prefix.
host_settings() {
  local name words=("$1EXTRA=tpu,report")
  for name in VENV PYTHON PYTHON_PACKAGE RERUNS RERUN_DELAY_S; do
    [[ -z ${!name} ]] || words+=("$1$name=${!name}")
  done
  quote "${words[@]}"
}

# Runs one shell command on one host, or on all.
on_hosts() { tpus tpu-vm ssh "$TPU_NAME" "--worker=$1" "--command=$2"; }

create() {
  local more flags=("--accelerator-type=$ACCELERATOR_TYPE")
  flags+=("--runtime-version=$RUNTIME_VERSION")
  [[ $SPOT == 0 ]] || flags+=(--spot)
  read -ra more <<<"$CREATE_FLAGS"
  tpus queued-resources create "$TPU_NAME" "--node-id=$TPU_NAME" "${flags[@]}" \
    ${more[@]+"${more[@]}"}
  dry || say "queued; once launch/tpu.sh status says ACTIVE: launch/tpu.sh setup"
}

setup() {
  local archive="${TMPDIR:-/tmp}/$TPU_NAME.tar.gz"
  run tar --exclude=__pycache__ -czf "$archive" -C "$root" \
    LICENSE README.md setup.py configs gandl_jax launch
  tpus tpu-vm scp "$archive" "$TPU_NAME:gandl_jax.tar.gz" --worker=all
  run rm "$archive"
  # -m: what is unpacked is newer than the last installation, which is then checked.
  on_hosts all "mkdir -p gandl_jax && tar -xmzf gandl_jax.tar.gz -C gandl_jax &&\
 env $(host_settings '') gandl_jax/launch/worker.sh --setup"
}

# Cores (v2, v3, v4, v5p) or chips (v5litepod, v6e), of which a host has 8 at most.
many_hosts() { [[ $ACCELERATOR_TYPE =~ -([0-9]+)$ ]] && ((BASH_REMATCH[1] > 8)); }

# Prints --workdir=..., in the bucket, unless the arguments have one.
workdir() {
  local argument name=
  for argument in "$@"; do
    case $argument in
      --workdir | --workdir=*) return 0 ;;
      --config=*) name=${argument#--config=} ;;
    esac
  done
  name=${name%%:*}
  name=${name##*/}
  [[ $name ]] || die "no config: launch/tpu.sh run --config=configs/FILE.py ..."
  if [[ $BUCKET ]]; then
    echo "--workdir=${BUCKET%/}/runs/${name%.py}"
  elif many_hosts; then
    die "the hosts of $ACCELERATOR_TYPE share no disk: set BUCKET=gs://NAME"
  elif [[ $SPOT != 0 ]]; then
    say "a spot TPU's disk is lost with it: set BUCKET=gs://NAME to keep the run"
  fi
}

# Started by systemd: it outlives the connection, is told SIGTERM before a shutdown
# (only worker.sh is, which passes it on: told twice, the program would not save), and
# its death for want of memory is not the end of worker.sh.
launch() {
  local added arguments service
  added=$(workdir "$@")
  arguments=$(quote "$@" ${added:+"$added"})
  service="--property=KillMode=mixed --property=OOMPolicy=continue"
  service+=" $(quote "--property=TimeoutStopSec=$STOP_S") $(host_settings --setenv=)"
  # systemd takes $ for a variable, $$ for a $.
  on_hosts all "sudo systemctl reset-failed $unit 2>/dev/null;\
 sudo systemd-run --unit=$unit --uid=\"\$(id -u)\" --gid=\"\$(id -g)\" $service\
 \"\$HOME/gandl_jax/launch/worker.sh\" ${arguments//\$/\$\$}"
  dry || say "running; launch/tpu.sh logs follows it, Ctrl-C leaves it running"
}

status() {
  local state
  state=$(tpus queued-resources describe "$TPU_NAME" "--format=value(state.state)")
  echo "$state"
  case $state in
    ACTIVE) ;;
    SUSPEND* | FAILED) say "it is gone: delete, create, setup and run again" ;;
    *) dry || say "not there yet; if it takes days, ask for another ZONE" ;;
  esac
  if [[ $state == ACTIVE ]] || dry; then
    on_hosts all "systemctl show $unit --property=ActiveState,Result,ExecMainStatus;\
 sudo journalctl --unit=$unit --no-pager --output=cat --lines=3"
  fi
}

main() {
  local verb=${1:-}
  case $verb in
    create | setup | run | logs | status | stop | delete) shift ;;
    -h | --help) usage; exit ;;
    '') usage; exit 2 ;;
    *) usage >&2; die "what is $verb?" ;;
  esac
  [[ $verb == run || $# == 0 ]] || die "$verb takes no arguments: settings are in" \
    "launch/env.sh, or before the command: ZONE=us-central1-a launch/tpu.sh $verb"
  check_settings
  case $verb in
    run) launch "$@" ;;
    logs) on_hosts "$WORKER" \
      "sudo journalctl --unit=$unit --output=cat --lines=100 --follow" ;;
    stop) on_hosts all "sudo systemctl stop $unit" ;;
    delete) tpus queued-resources delete "$TPU_NAME" --force ;;
    *) "$verb" ;;
  esac
}

main "$@"
