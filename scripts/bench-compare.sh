#!/usr/bin/env bash
# Compares the Go benchmarks of this tree with those of another revision, which is checked out beside it:
#   BASE=rev scripts/bench-compare.sh            or: scripts/bench-compare.sh BASE=rev
# Both are built first and then run by turns, COUNT rounds in alternating order, so that what else the machine does hits both alike.
# A benchmark that is slower, or allocates more, by more than LIMIT per cent with significance (benchstat, p < 0.05) is a regression.
# Settings from the environment: BENCH (regular expression, all), PACKAGES (folders, those of both trees that have benchmarks),
# COUNT (8), BENCHTIME (0.2s), LIMIT (10), OUT (a folder that keeps base.txt, head.txt and compare.txt).
# Exit status: 0 no regression, 1 a regression or a benchmark that fails, 2 wrong use.
set -euo pipefail
cd "$(dirname "$0")/.."
benchstat=golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da

for setting in "$@"; do
  case $setting in
    BASE=?*) BASE=${setting#BASE=} ;;
    *) echo "bench-compare: $setting is no argument; use BASE=rev" >&2; exit 2 ;;
  esac
done
base=$(git rev-parse --verify --quiet "${BASE:-}^{commit}") || {
  echo "bench-compare: BASE=${BASE:-} is no revision; say which one to compare with, such as BASE=HEAD~10" >&2
  exit 2
}
limit=${LIMIT:-10}
scripts/need-go.sh

work=$(mktemp -d)
cleanup() {
  git worktree remove --force "$work/tree" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
git worktree add --quiet --detach "$work/tree" "$base"
mkdir "$work/base" "$work/head"
out=${OUT:-$work/out}
mkdir -p "$out"
: >"$out/base.txt"
: >"$out/head.txt"

# packages lists the folders of a tree that have benchmarks.
packages() { (cd "$1" && grep -rl --include='*_test.go' '^func Benchmark' . | xargs -r -n1 dirname | sort -u); }
both=${PACKAGES:-$(comm -12 <(packages .) <(packages "$work/tree"))}

# build compiles the tests of package $3 in tree $1 to $2/NAME.
build() { (cd "$1" && go test -c -o "$2/${3//\//_}" "$3"); }
for p in $both; do
  build . "$work/head" "$p"
  build "$work/tree" "$work/base" "$p"
done

# run adds the results of package $3 of tree $1, built in $2, to file $4.
run() {
  local program=$2/${3//\//_}
  (cd "$1/$3" && "$program" -test.run '^$' -test.bench "${BENCH:-.}" -test.benchmem -test.benchtime "${BENCHTIME:-0.2s}") >"$work/run.txt" || {
    cat "$work/run.txt"
    echo "bench-compare: the benchmarks of $3 fail" >&2
    exit 1
  }
  cat "$work/run.txt" >>"$4"
}
for round in $(seq "${COUNT:-8}"); do
  for p in $both; do
    if [ $((round % 2)) = 1 ]; then
      run "$work/tree" "$work/base" "$p" "$out/base.txt"
      run . "$work/head" "$p" "$out/head.txt"
    else
      run . "$work/head" "$p" "$out/head.txt"
      run "$work/tree" "$work/base" "$p" "$out/base.txt"
    fi
  done
done
grep -q '^Benchmark' "$out/head.txt" || { echo "bench-compare: no benchmark matches ${BENCH:-.}" >&2; exit 2; }

(cd "$out" && go run "$benchstat" base.txt head.txt) | tee "$out/compare.txt"
(cd "$out" && go run "$benchstat" -format csv base.txt head.txt) 2>/dev/null |
  awk -F, -v limit="$limit" '
    /^pkg: / { pkg = substr($0, 6) }
    $1 == "" && $2 ~ /\// { unit = $2 }
    $6 ~ /^\+/ && $1 != "geomean" && (unit == "sec/op" || unit == "allocs/op") {
      change = $6; gsub(/[+%]/, "", change)
      if (change + 0 > limit) { printf "bench-compare: %s %s: %s %s (%s)\n", pkg, $1, $6, unit, $7; bad = 1 }
    }
    END { exit bad }' >"$work/regressions" || {
  cat "$work/regressions" >&2
  exit 1
}
echo "bench-compare: no benchmark is slower by more than $limit %"
