#!/usr/bin/env bash
# Writes NOTICE: what is linked into the program, with the text of each licence, from the module cache.
#   scripts/notice.sh          writes NOTICE
#   scripts/notice.sh --check  fails if NOTICE is not what would be written (make lint)
# Exit status: 0 done, 1 NOTICE is out of date, or something that is linked has no licence.
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# linked lists "module version module-folder package-folder" of all packages of the program on both kinds of boards.
for arch in amd64 arm64; do
  CGO_ENABLED=0 GOOS=linux GOARCH=$arch go list -trimpath=false -deps \
    -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}} {{$.Dir}}{{end}}{{end}}' ./cmd/hidp
done | sort -u >"$work/linked"

# texts prints the licence files of module folder $1 that apply to package folders on standard input: those in them and above.
texts() {
  local root=$1 at file
  while read -r at; do
    while :; do
      for file in "$at"/*; do
        case ${file##*/} in LICENSE* | LICENCE* | UNLICENSE* | COPYING* | NOTICE* | PATENTS*) [ ! -f "$file" ] || echo "$file" ;; esac
      done
      [ "$at" != "$root" ] || break
      at=${at%/*}
    done
  done | sort -u
}

{
  echo "hidp is licensed under the Apache License 2.0 (LICENSE). The program is linked with what follows, under the licences given here."
  echo "This file is made by scripts/notice.sh."
  printf '\n%s\n' "================ The Go standard library"
  cat "$(go env GOROOT)/LICENSE"
  cut -d' ' -f1-3 "$work/linked" | sort -u | while read -r module version root; do
    printf '\n%s\n' "================ $module $version"
    awk -v m="$module" '$1 == m { print $4 }' "$work/linked" | texts "$root" >"$work/files"
    if [ ! -s "$work/files" ]; then
      echo "notice: $module $version has no licence file" >&2
      exit 1
    fi
    while read -r file; do
      printf -- '---------------- %s\n' "${file#"$root"/}"
      tr -d '\r' <"$file" | sed 's/[[:space:]]*$//'
    done <"$work/files"
  done
} >"$work/NOTICE"

if [ "${1:-}" = --check ]; then
  cmp -s "$work/NOTICE" NOTICE || { echo "NOTICE is out of date: run scripts/notice.sh" >&2; exit 1; }
else
  cp "$work/NOTICE" NOTICE
fi
