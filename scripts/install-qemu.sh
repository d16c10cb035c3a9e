#!/usr/bin/env bash
# Installs what runs programs for 64-bit ARM on other machines: qemu-user and the C and C++ libraries of that architecture (Debian,
# Ubuntu). For tests; does nothing where they are there already or the machine is one itself.
set -euo pipefail
[ "$(uname -m)" != aarch64 ] || exit 0
! command -v qemu-aarch64 >/dev/null || [ ! -e /usr/aarch64-linux-gnu/lib/libstdc++.so.6 ] || exit 0
packages=(qemu-user libc6-arm64-cross libstdc++6-arm64-cross)
command -v apt-get >/dev/null || { echo "install-qemu: no apt-get: install ${packages[*]} by hand" >&2; exit 1; }
[ "$(id -u)" = 0 ] || { echo "install-qemu: not root: apt-get install ${packages[*]}" >&2; exit 1; }
export DEBIAN_FRONTEND=noninteractive
apt-get -o DPkg::Lock::Timeout=120 -qq update
apt-get -o DPkg::Lock::Timeout=120 -qq install -y --no-install-recommends "${packages[@]}"
