#!/usr/bin/env bash
# Compares our simulator with SimGrid on the ring workload: requests/s of both by turns, their ratio, mean latencies.
# Arguments go to the program: -requests N (10000), -repetitions N (5), -seed N (1).
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/need-go.sh
scripts/install-simgrid.sh
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
go build -o "$dir/ringbench" ./sim/simgrid/ringbench
"$dir/ringbench" "$@"
