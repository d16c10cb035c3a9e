#!/usr/bin/env bash
# Checks that a Go tool chain new enough for go.mod is on the PATH, and says how to get one if not.
set -euo pipefail
want=$(awk '$1=="go"{print $2}' "$(dirname "$0")/../go.mod")
if ! command -v go >/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && apt-get install -y -qq golang-go
  else
    echo "make: Go $want or newer is needed: https://go.dev/doc/install" >&2
    exit 1
  fi
fi
have=$(go env GOVERSION | sed 's/^go//; s/[^0-9.].*//')
if [ "$(printf '%s\n%s\n' "$want" "$have" | sort -V | head -1)" != "$want" ] && [ "$(go env GOTOOLCHAIN)" = local ]; then
  echo "make: Go $want or newer is needed, this is $have; set GOTOOLCHAIN=auto or see https://go.dev/doc/install" >&2
  exit 1
fi
