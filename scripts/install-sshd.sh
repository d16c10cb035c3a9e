#!/usr/bin/env bash
# Installs an SSH server and client for the tests of deployment (root, apt), or says what to install. The server is not started: tests
# run one of their own, with their own keys, on loopback. Exit status: 0 they are there, 1 they could not be installed.
set -euo pipefail
there() { command -v ssh >/dev/null && command -v ssh-keygen >/dev/null && { [ -x /usr/sbin/sshd ] || command -v sshd >/dev/null; }; }
there && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "install-sshd: OpenSSH is needed (Debian, Ubuntu: apt-get install openssh-server openssh-client)" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
# The package would start the server: a policy that forbids it is there while it is installed.
policy=/usr/sbin/policy-rc.d
made=
trap 'rm -f "$log"; [ -z "$made" ] || rm -f "$policy"' EXIT
if [ ! -e "$policy" ]; then
  made=yes
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
get() { timeout 600 apt-get -o DPkg::Lock::Timeout=120 "$@"; }
if ! { get update -qq && get install -y -qq --no-install-recommends openssh-server openssh-client; } >"$log" 2>&1 || ! there; then
  tail -5 "$log" >&2
  echo "install-sshd: apt-get could not install openssh-server and openssh-client" >&2
  exit 1
fi
