#!/bin/bash
# Measures everything that Cleave wants to be fast at, and prints it: what `make benchmark` runs.
#
#   Benchmarks/run.sh [SECONDS]      for each network; 8 by default
#
# ONNX Runtime and onnx come along when .venv-witness is there (scripts/setup-witness.sh makes it); PYTHON names another
# environment that has them. With onnxsim, sympy or PyTorch in it, folding, quantizing or training is compared as well. DATA names the
# images to train on (folder:DIR …) instead of random ones.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cleave=$root/.build/release/cleave
python=${PYTHON:-$root/.venv-witness/bin/python}
peer=("$python")
if [[ ! -x $python ]]; then
    echo "benchmark: no ONNX Runtime to compare with; scripts/setup-witness.sh installs it" >&2
    peer=()
fi

swift build --package-path "$root" -c release --product cleave
swift build --package-path "$root/Benchmarks" -c release

title() { printf '\n── %s\n\n' "$*"; }

title 'Networks, float32 and int8'
python3 "$root/Benchmarks/networks.py" "$cleave" ${peer[@]+"${peer[@]}"} --seconds "${1:-8}"

title 'Training a ResNet50V2 on 32×32 images, batch 32, Adam'
"${peer[0]:-python3}" "$root/Benchmarks/training.py" "$root/Benchmarks/.build/release/TrainingSteps" 3 ${DATA:+"$DATA"}

title 'Folding a ResNet50V2, file to file'
"${peer[0]:-python3}" "$root/Benchmarks/folding.py" "$cleave"

title 'Quantizing a ResNet50V2 for 32×32 images, file to file'
"${peer[0]:-python3}" "$root/Benchmarks/quantizing.py" "$cleave"

title 'Folding and decomposing, in memory'
"$root/Benchmarks/.build/release/Microbenchmarks" --filter 'pass/fold ' --filter pass/decompose

if [[ ${#peer[@]} -gt 0 ]]; then
    title 'Reading and writing a ResNet50V2'
    PYTHON=$python "$root/Benchmarks/model-files.sh"
fi
