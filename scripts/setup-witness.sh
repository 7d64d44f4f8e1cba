#!/bin/bash
# Sets up .venv-witness, the Python environment in which ONNX Runtime checks what Cleave exports. Does nothing, silently,
# if it is there already and fits scripts/witness-requirements.txt.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
requirements=$root/scripts/witness-requirements.txt
venv=$root/.venv-witness
installed=$venv/requirements.txt

if [[ -x $venv/bin/python ]] && cmp -s "$requirements" "$installed"; then
    exit 0
fi

echo "setup-witness: installing $(paste -sd' ' "$requirements") into .venv-witness"
rm -rf "$venv"
python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: --requirement "$requirements"
"$venv/bin/python" -c 'import numpy, onnx, onnxruntime'
cp "$requirements" "$installed"
