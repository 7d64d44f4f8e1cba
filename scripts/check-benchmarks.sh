#!/bin/bash
# Checks the Swift code of the benchmarks, a package of their own, against the modules that the tests were built with: what `make test`
# does last, in seconds, so that a change of the library that breaks the benchmarks is seen at once.
set -euo pipefail
cd "$(dirname "$0")/.."
build=.build-test/release
maps=()
for map in Sources/*/module.modulemap "$build"/*.build/module.modulemap .build-test/checkouts/Yams/Sources/CYaml/include/module.modulemap; do
    maps+=(-Xcc "-fmodule-map-file=$map")
done
for target in Benchmarks/Sources/*/; do
    swiftc -typecheck -parse-as-library -swift-version 6 -I "$build/Modules" "${maps[@]}" "$target"*.swift
done
echo 'check-benchmarks: the benchmarks fit the library'
