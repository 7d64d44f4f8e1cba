#!/bin/bash
# Shows the main job on a small residual network: inspect, fold, convert to both separable forms, check, verify, and compare
# what came out; then a small study, which trains and quantizes networks and fills in a table. `make demo` builds the command
# first; CLEAVE names another build of it.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cleave=${CLEAVE:-$root/.build/release/cleave}
if [[ ! -x $cleave ]]; then
    echo "demo: $cleave is missing; make demo builds it" >&2
    exit 1
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/cleave-demo.XXXXXX")
cp "$root/fixtures/models/resnet14v2.onnx" "$folder/resnet.onnx"
cd "$folder"

title() { printf '\n\n── %s\n' "$*"; }

# Runs the command in front of the reader.
show() {
    printf '\n$ cleave %s\n\n' "$*"
    "$cleave" "$@"
}

# The same for a command whose answer is to be no.
show_no() {
    local status=0
    show "$@" || status=$?
    [[ $status -eq 1 ]] || { echo "demo: expected exit code 1, not $status" >&2; exit 1; }
}

title 'What is in the network, and what would the separable forms save?'
show inspect resnet.onnx

title 'Batch norms go into the convolutions: the same function in fewer nodes.'
show fold resnet.onnx -o folded.onnx
show verify resnet.onnx folded.onnx

title 'At full rank the separable forms are the same function too. This proves the rewrite.'
show convert resnet.onnx --form spatial --exact -o spatial-exact.onnx
show convert resnet.onnx --form depthwise --exact -o depthwise-exact.onnx
show verify resnet.onnx spatial-exact.onnx
show verify resnet.onnx depthwise-exact.onnx

title 'At the rank of the paper they are smaller, and only close. This is where training would begin.'
show convert resnet.onnx --form spatial -o spatial.onnx
show convert resnet.onnx --form depthwise -o depthwise.onnx
for model in folded spatial depthwise; do show check $model.onnx; done
show_no verify resnet.onnx spatial.onnx
show_no verify resnet.onnx depthwise.onnx

title 'Before and after.'
show inspect resnet.onnx folded.onnx spatial.onnx depthwise.onnx

title 'A study: three networks and a converted one, trained from scratch, in float and in int8.'
cp "$root/studies/quick.yaml" .
show study quick.yaml -o results
show report results -o report.html --quiet

printf '\n\nThe study is on a page: file://%s/report.html' "$folder"
printf '\nThe models are in %s\n' "$folder"
