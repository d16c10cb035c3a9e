#!/usr/bin/env bash
# Installs SimGrid and a C++ compiler, with which the simulator is compared (root, apt), or says what to install.
# Exit status: 0 they are there, 1 they could not be installed.
set -euo pipefail
there() { command -v g++ >/dev/null && echo '#include <simgrid/s4u.hpp>' | g++ -E -x c++ - >/dev/null 2>&1; }
there && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "install-simgrid: SimGrid 3.32 or newer and g++ are needed (Debian: apt-get install g++ libsimgrid-dev)" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { timeout 300 apt-get update -qq && timeout 600 apt-get install -y -qq --no-install-recommends g++ libsimgrid-dev; } >"$log" 2>&1 || ! there; then
  tail -5 "$log" >&2
  echo "install-simgrid: apt-get could not install g++ and libsimgrid-dev" >&2
  exit 1
fi
