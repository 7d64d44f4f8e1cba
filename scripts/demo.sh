#!/bin/bash
# Shows the main job on a small residual network that was trained on Fashion-MNIST: inspect, fold, convert to both separable forms,
# check, verify, train what became too rough, quantize, and compare what came out; then a small study, which trains and quantizes
# networks and fills in a table. `make demo` builds the command first; CLEAVE names another build of it.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cleave=${CLEAVE:-$root/.build/release/cleave}
data=idx:/usr/share/datasets/fashion-mnist
if [[ ! -x $cleave ]]; then
    echo "demo: $cleave is missing; make demo builds it" >&2
    exit 1
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/cleave-demo.XXXXXX")
cp "$root/fixtures/models/fashion-resnet8.onnx" "$folder/resnet.onnx"
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

# The last line of what `cleave evaluate` says, without its tables.
show_accuracy() {
    printf '\n$ cleave evaluate %s --data %s | tail -n 1\n' "$1" "$data"
    "$cleave" evaluate "$1" --data "$data" | tail -n 1
}

title 'What is in the network, and what would the separable forms save?'
show inspect resnet.onnx
show_accuracy resnet.onnx

title 'Batch norms go into the convolutions: the same function in fewer nodes.'
show fold resnet.onnx -o folded.onnx
show verify resnet.onnx folded.onnx

title 'At full rank the separable forms are the same function too. This proves the rewrite.'
show convert resnet.onnx --form spatial --exact -o spatial-exact.onnx
show convert resnet.onnx --form depthwise --exact -o depthwise-exact.onnx
show verify resnet.onnx spatial-exact.onnx
show verify resnet.onnx depthwise-exact.onnx

title 'At the rank of the paper they are smaller, and only close.'
show convert resnet.onnx --form spatial -o spatial.onnx
show convert resnet.onnx --form depthwise -o depthwise.onnx
for model in folded spatial depthwise; do show check $model.onnx; done
show_no verify resnet.onnx spatial.onnx
show_no verify resnet.onnx depthwise.onnx

title 'The spatial form is as good as ever; the depthwise one has to be trained for an epoch.'
show_accuracy spatial.onnx
show_accuracy depthwise.onnx
show train depthwise.onnx --data "$data" --epochs 1 --batch-size 64 --learning-rate 0.003 --schedule one-cycle -o depthwise-trained.onnx

title 'To 8 bits, for ONNX Runtime.'
show quantize depthwise-trained.onnx --calibration "$data" -o depthwise-int8.onnx
show_accuracy depthwise-int8.onnx

title 'Before and after.'
show inspect resnet.onnx folded.onnx spatial.onnx depthwise-trained.onnx depthwise-int8.onnx

title 'A study: three networks trained from scratch, in float and in int8, one trained for int8, and a converted one.'
cp "$root/studies/quick.yaml" .
show study quick.yaml -o results
show report results -o report.html --quiet

printf '\n\nThe study is on a page: file://%s/report.html' "$folder"
printf '\nThe models are in %s\n' "$folder"
