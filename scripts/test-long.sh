#!/usr/bin/env bash
# Runs every property with a large budget: HIDP_TEST_BUDGET times its usual cases (5 unless said), within 30 minutes on 2 cores.
# Properties whose cases pgregory.net/rapid draws get them by its flag; the others read the variable (internal/budget).
set -euo pipefail
cd "$(dirname "$0")/.."
export HIDP_TEST_BUDGET=${HIDP_TEST_BUDGET:-5}
go=${GO:-go}

# packages WORD: those whose tests import what WORD names, directly.
packages() {
  "$go" list -f '{{.ImportPath}} {{join .TestImports " "}} {{join .XTestImports " "}}' ./... | grep -F " $1" | cut -d' ' -f1
}

rapid=$(packages pgregory.net/rapid)
others=$(comm -23 <({ packages hidp/internal/budget; packages hidp/strategies/conformance; } | sort -u) <(sort -u <<<"$rapid"))
status=0
# shellcheck disable=SC2086 # lists of packages are words
"$go" test -timeout 30m $rapid -rapid.checks=$((100 * HIDP_TEST_BUDGET)) || status=1
# shellcheck disable=SC2086
[ -z "$others" ] || "$go" test -timeout 30m $others || status=1
exit $status
