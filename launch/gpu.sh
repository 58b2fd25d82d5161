#!/usr/bin/env bash
# Runs gandl_jax on this machine's GPU: see usage, below.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=launch/env.sh
. "$here/env.sh"
# shellcheck source=launch/commands.sh
. "$here/commands.sh"

usage() {
  cat <<'TEXT'
launch/gpu.sh ARGUMENTS   install what is missing, then run on this machine's GPU
launch/gpu.sh --setup     only install

Arguments, reruns and settings: see launch/worker.sh --help, and launch/env.sh.

  launch/gpu.sh --config=configs/rxrx19a.py --job=all
TEXT
}

case ${1:-} in
  -h | --help) usage; exit ;;
  '') usage; exit 2 ;;
esac
dry || command -v nvidia-smi >/dev/null || die "nvidia-smi is not found: install" \
  "NVIDIA's driver, 525.60.13 or newer (CUDA itself comes with the Python packages)"
EXTRA=cuda12,report exec "$here/worker.sh" "$@"
