#!/bin/bash
# Runs the ONNX project's backend cases on both backends and writes the counts to docs/conformance.md.
set -euo pipefail
cd "$(dirname "$0")/.."
CLEAVE_UPDATE_CONFORMANCE=1 GOMP_SPINCOUNT=0 swift test -c release -Xswiftc -enable-testing --scratch-path .build-test \
    --filter OneDNNBackendTests.ConformanceTests
git --no-pager diff --stat -- docs/conformance.md
