#!/usr/bin/env bash
# Measures sweeps of cheap points on one core, on two, and twice side by side: points per second, CPU time, scaling, memory.
# Arguments go to the program: -points N (1000000), -rounds N (5).
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/need-go.sh
command -v taskset >/dev/null || { echo "bench-sweep: taskset is missing; install util-linux" >&2; exit 1; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
go build -trimpath -o "$dir/hidp" ./cmd/hidp
go build -o "$dir/sweepbench" ./experiments/sweep/sweepbench
"$dir/sweepbench" -hidp "$dir/hidp" "$@"
