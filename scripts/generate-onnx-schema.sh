#!/bin/bash
# Generates the C code of the ONNX schema: OUTDIR/onnx.pb-c.c and OUTDIR/include/onnx.pb-c.h.
#
#   scripts/generate-onnx-schema.sh [OUTDIR]      OUTDIR defaults to Sources/COnnxSchema
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
out=${1:-$root/Sources/COnnxSchema}

if ! command -v protoc-c >/dev/null; then
    echo "generate-onnx-schema: protoc-c is missing; scripts/install-dependencies.sh installs it" >&2
    exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
protoc-c --proto_path="$root/schemas" --c_out="$work" onnx.proto
mkdir -p "$out/include"
cp "$work/onnx.pb-c.c" "$out/onnx.pb-c.c"
cp "$work/onnx.pb-c.h" "$out/include/onnx.pb-c.h"
