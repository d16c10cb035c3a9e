#!/usr/bin/env bash
# Installs small tools that single tests use (root, apt), or says what to install: gcc makes libraries, protoc reads the control
# protocol, systemd-analyze reads the units of deployed agents, python3 and perl run strategies in other languages. Exit status: 0 they are there, 1 they could not be installed.
set -euo pipefail
there() { for tool in gcc protoc systemd-analyze python3 perl; do command -v "$tool" >/dev/null || return 1; done; }
there && exit 0
packages=(gcc libc6-dev protobuf-compiler systemd python3 perl)
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "install-tools: gcc, protoc, systemd-analyze, python3 and perl are needed (Debian, Ubuntu: apt-get install ${packages[*]})" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
get() { timeout 600 apt-get -o DPkg::Lock::Timeout=120 -qq "$@"; }
if ! { get update && get install -y --no-install-recommends "${packages[@]}"; } >"$log" 2>&1 || ! there; then
  tail -5 "$log" >&2
  echo "install-tools: apt-get could not install ${packages[*]}" >&2
  exit 1
fi
