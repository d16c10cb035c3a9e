#!/usr/bin/env bash
# Fetches ONNX Runtime, the inference engine of the hardware in the loop, into .cache/ort/ARCH/libonnxruntime.so.1 (not part of the
# repository). Use: fetch-ort.sh [amd64|arm64 ...]; without arguments for this machine. It comes from npm's onnxruntime-node, which
# carries the library for both architectures (MIT licence; needs glibc 2.28 or newer); no script of the package is run. What is
# there already and has the right checksum is not fetched again.
set -euo pipefail
package=onnxruntime-node@1.27.0
library=libonnxruntime.so.1

fail() {
  echo "fetch-ort: $*" >&2
  exit 1
}

# folder ARCH, checksum ARCH: where the package has the library of an architecture, and its SHA-256.
folder() {
  case $1 in
    amd64) echo package/bin/napi-v6/linux/x64 ;;
    arm64) echo package/bin/napi-v6/linux/arm64 ;;
    *) fail "no library for architecture $1: choose amd64 or arm64" ;;
  esac
}
checksum() {
  case $1 in
    amd64) echo d8aff4aa8abee8fb2abb2f2f2459ffc94461e781e41b9f7c072829dd0d470221 ;;
    arm64) echo c36bc200e7e6c093b8abb0b34590fbdd8c52fd3fb5e33795b9523ffdde2fce0f ;;
  esac
}
genuine() { echo "$(checksum "$1")  $2" | sha256sum --check --quiet --status - 2>/dev/null; }

if [ $# = 0 ]; then
  case $(uname -s)-$(uname -m) in
    Linux-x86_64) set -- amd64 ;;
    Linux-aarch64) set -- arm64 ;;
    *) fail "no library for $(uname -s) on $(uname -m): pass amd64 or arm64 to fetch one for another machine" ;;
  esac
fi
cd "$(dirname "$0")/.."
cache=.cache/ort
missing=()
for arch in "$@"; do
  folder "$arch" >/dev/null
  [ -e "$cache/$arch/$library" ] && genuine "$arch" "$cache/$arch/$library" || missing+=("$arch")
done
[ ${#missing[@]} -gt 0 ] || exit 0

command -v npm >/dev/null || fail "npm is missing: install it (Debian, Ubuntu: apt-get install npm), or put your own $library into $cache/${missing[0]}/"
mkdir -p "$cache"
tmp=$(mktemp -d "$cache/tmp.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
echo "fetch-ort: fetching $package (100 MB) for ${missing[*]}" >&2
archive=$(cd "$tmp" && npm pack --silent --ignore-scripts "$package" | tail -1) && [ -s "$tmp/$archive" ] || fail "npm cannot fetch $package"
for arch in "${missing[@]}"; do
  tar -xzf "$tmp/$archive" -C "$tmp" "$(folder "$arch")/$library" || fail "$package has no library for $arch, or the disk is full"
  got=$tmp/$(folder "$arch")/$library
  genuine "$arch" "$got" || fail "the library for $arch has not the SHA-256 $(checksum "$arch"): not used"
  mkdir -p "$cache/$arch"
  mv "$got" "$cache/$arch/$library" # appears complete or not at all
  echo "fetch-ort: $cache/$arch/$library" >&2
done
