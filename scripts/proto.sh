#!/usr/bin/env bash
# Generates the Go code of the control protocol from testbed/control/control.proto. Installs protoc (Debian) and its plugins.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v protoc >/dev/null; then
  [ "$(id -u)" = 0 ] || { echo "proto: protoc is missing: install the Debian package protobuf-compiler" >&2; exit 1; }
  apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends protobuf-compiler
fi
bin=$PWD/.cache/bin
GOBIN=$bin go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
GOBIN=$bin go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2
cd testbed/control
PATH=$bin:$PATH protoc -I . --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative control.proto
