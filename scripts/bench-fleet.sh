#!/usr/bin/env bash
# Measures what fleets of 10 to 10 000 boards cost and draws the figure: out/fleet/fleet-scaling.csv, .svg, .png.
# Arguments go to the program: -fleet FILE, -boards LIST, -requests-per-board N (1000), -strategy S, -jobs N, -out DIR.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/need-go.sh
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
go build -o "$dir/fleetbench" ./experiments/fleet/fleetbench
"$dir/fleetbench" "$@"
