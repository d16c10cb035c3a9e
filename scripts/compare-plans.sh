#!/usr/bin/env bash
# Compares the plan files of this tree with those of another revision, byte for byte: every strategy for every network of the zoo
# on every stored platform, 1680 plans in some minutes.
#   BASE=rev scripts/compare-plans.sh
# The other revision is checked out beside this one and gets this tree's strategies/catalog/plandigest.
# Exit status: 0 all plans are the same, 1 some differ (they are listed), 2 wrong use.
set -euo pipefail
cd "$(dirname "$0")/.."
base=$(git rev-parse --verify --quiet "${BASE:-}^{commit}") || {
  echo "compare-plans: BASE=${BASE:-} is no revision; say which one to compare with, such as BASE=HEAD~10" >&2
  exit 2
}
scripts/need-go.sh
work=$(mktemp -d)
cleanup() {
  git worktree remove --force "$work/tree" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
git worktree add --quiet --detach "$work/tree" "$base"
mkdir -p "$work/tree/strategies/catalog/plandigest"
cp strategies/catalog/plandigest/main.go "$work/tree/strategies/catalog/plandigest/"
go build -trimpath -o "$work/head" ./strategies/catalog/plandigest
(cd "$work/tree" && go build -trimpath -o "$work/base" ./strategies/catalog/plandigest)
echo "compare-plans: planning time of $base" >&2
"$work/base" >"$work/base.txt"
echo "compare-plans: planning time of this tree" >&2
"$work/head" >"$work/head.txt"
if ! diff "$work/base.txt" "$work/head.txt"; then
  echo "compare-plans: plans differ" >&2
  exit 1
fi
echo "compare-plans: $(wc -l <"$work/head.txt") plans are the same"
