#!/bin/bash
# Reads and writes a ResNet50V2 of 102 MB with Cleave and with Python's onnx package, in turn, and prints the ratios.
#
#   Benchmarks/model-files.sh [ROUNDS]      ROUNDS defaults to 5; the shortest time counts
#
# PYTHON names an environment that has onnx, .venv-witness unless given.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
rounds=${1:-5}
python=${PYTHON:-$root/.venv-witness/bin/python}
[[ -x $python ]] || "$root/scripts/setup-witness.sh"

swift build --package-path "$root" -c release --product cleave
swift build --package-path "$root/Benchmarks" -c release
folder=$(mktemp -d "${TMPDIR:-/tmp}/cleave-benchmark.XXXXXX")
trap 'rm -rf "$folder"' EXIT
model=$folder/resnet50v2.onnx
"$root/.build/release/cleave" build resnet50v2 -o "$model" --quiet

# Two rounds each, so that neither has the machine to itself at a better time. Peaks are those of one reading and one writing.
for attempt in 1 2; do
    "$root/Benchmarks/.build/release/ModelFiles" "$model" "$rounds" > "$folder/cleave-$attempt.json"
    "$python" "$root/Benchmarks/model_files.py" "$model" "$rounds" > "$folder/onnx-$attempt.json"
done
"$root/Benchmarks/.build/release/ModelFiles" "$model" 1 > "$folder/cleave-once.json"
"$python" "$root/Benchmarks/model_files.py" "$model" 1 > "$folder/onnx-once.json"

"$python" - "$folder" "$model" <<'REPORT'
import json, os, sys
folder, model = sys.argv[1:]
size = os.path.getsize(model)
def read(name): return json.load(open(f"{folder}/{name}.json"))
def best(who, what): return min(read(f"{who}-{attempt}")[what] for attempt in (1, 2))
print(f"model: {size / 1e6:.1f} MB")
for what in ("load", "save"):
    ours, theirs = best("cleave", what), best("onnx", what)
    print(f"{what}: Cleave {ours * 1e3:.0f} ms, onnx {theirs * 1e3:.0f} ms: {theirs / ours:.2f} times as fast")
for who, title in (("cleave", "Cleave"), ("onnx", "onnx")):
    print(f"peak resident set, one load and save: {title} {read(who + '-once')['peak'] / size:.2f} times the file")
REPORT
