#!/usr/bin/env python3
"""ONNX Runtime as an outside witness of what Cleave exports.

    witness.py [--samples N] [--seed S] [--batch B] [--inputs FILE] [--save FILE] [--fused] [--integers FILE] ORIGINAL [REWRITTEN ...]

Checks every model with onnx.checker, runs ORIGINAL and every REWRITTEN model on the same inputs with ONNX Runtime, and
prints what it found as JSON. The inputs are seeded random numbers, or the arrays of an npz file that are named after
the model's inputs. --fused also says which operators ONNX Runtime makes of every REWRITTEN model when it may fuse, and what
these compute on the first sample. --integers compares integer outputs of every REWRITTEN model, computed by ONNX Runtime's integer
kernels on the first sample, with the arrays of an npz file that are named after them. Where a REWRITTEN model has 8-bit integers for
floats of ORIGINAL, its inputs are quantized and its outputs dequantized with the scales that its operators have for them. --save writes
the inputs and ORIGINAL's outputs to an npz file, for others to compare with.

The exit code is 0 unless the witness itself could not do its work; what it thinks of the models is in the JSON.
"""
import argparse
import collections
import json
import os
import sys
import tempfile

import numpy
import onnx
import onnxruntime


def check(path):
    """The checker's objection to a model, or None. Models with external data are checked where they are."""
    try:
        onnx.checker.check_model(path, full_check=True)
    except Exception as error:  # the checker raises several unrelated types
        return str(error).strip().splitlines()[0]
    return None


def session(path, fused_path=None):
    """A session of the graph as it is written, without fusion and reordering of sums; with them where it is to be written."""
    options = onnxruntime.SessionOptions()
    if fused_path:
        options.optimized_model_filepath = fused_path
    else:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


NUMPY_TYPES = {
    "tensor(float)": numpy.float32, "tensor(double)": numpy.float64, "tensor(float16)": numpy.float16,
    "tensor(uint8)": numpy.uint8, "tensor(int8)": numpy.int8, "tensor(int32)": numpy.int32, "tensor(int64)": numpy.int64,
    "tensor(bool)": numpy.bool_,
}


def random_inputs(runner, generator, batch):
    inputs = {}
    for entry in runner.get_inputs():
        shape = [d if isinstance(d, int) else (batch if axis == 0 else 1) for axis, d in enumerate(entry.shape)]
        kind = numpy.dtype(NUMPY_TYPES[entry.type])
        if kind.kind == "f":
            inputs[entry.name] = generator.standard_normal(shape).astype(kind)
        elif kind.itemsize == 1 and kind.kind != "b":
            limits = numpy.iinfo(kind)
            inputs[entry.name] = generator.integers(limits.min, limits.max, size=shape, endpoint=True).astype(kind)
        else:
            inputs[entry.name] = generator.integers(0, 2 if kind.kind == "b" else 10, size=shape).astype(kind)
    return inputs


def run(runner, inputs):
    names = [entry.name for entry in runner.get_outputs()]
    return dict(zip(names, runner.run(names, inputs)))


def compare(name, actual, expected):
    """The measures that `cleave verify` reports, computed independently."""
    if actual is None or actual.shape != expected.shape or actual.dtype != expected.dtype:
        return {"name": name, "mismatch": f"{None if actual is None else actual.shape}, expected {expected.shape}"}
    a, b = actual.astype(numpy.float64), expected.astype(numpy.float64)
    error = numpy.abs(a - b)
    largest = float(numpy.max(numpy.abs(b), initial=0.0))
    noise, signal = float(numpy.sum(error**2)), float(numpy.sum(b**2))
    return {
        "name": name,
        "max_absolute_error": float(numpy.max(error, initial=0.0)),
        "largest_magnitude": largest,
        "sqnr_db": None if noise == 0 else float(10 * numpy.log10(max(signal, 1e-300) / noise)),
        "finite": bool(numpy.all(numpy.isfinite(a))),
    }


# Where operators have 8-bit operands, each before its scale and zero point, and where the scale of their result.
OPERANDS = {
    "DequantizeLinear": (0,), "QLinearConv": (0,), "QLinearMatMul": (0, 3), "QLinearAdd": (0, 3), "QLinearMul": (0, 3), "QGemm": (0,),
    "QLinearAveragePool": (0,), "QLinearGlobalAveragePool": (0,),
}
RESULTS = {
    "QuantizeLinear": 1, "QLinearConv": 6, "QLinearMatMul": 6, "QLinearAdd": 6, "QLinearMul": 6, "QGemm": 7, "QLinearAveragePool": 3,
    "QLinearGlobalAveragePool": 3, "QLinearConcat": 0,
}
MOVES = {"Transpose", "Reshape", "Flatten", "MaxPool", "Squeeze", "Unsqueeze", "Slice", "Identity"}


class Interface:
    """The 8-bit inputs and outputs of a model whose original has floats there."""

    def __init__(self, path):
        graph = onnx.load(path, load_external_data=False).graph
        constants = {tensor.name: tensor for tensor in graph.initializer}

        def parameters(names):
            return [onnx.numpy_helper.to_array(constants[name]) for name in names] if names else None

        def of_reader(name):
            for node in graph.node:
                for place in OPERANDS.get(node.op_type, ()):
                    if place < len(node.input) and node.input[place] == name:
                        return node.input[place + 1 : place + 3]
                if node.op_type in MOVES and node.input[0] == name:
                    return of_reader(node.output[0])
            return None

        def of_maker(name):
            for node in graph.node:
                if name in node.output and node.op_type in RESULTS:
                    return node.input[RESULTS[node.op_type] : RESULTS[node.op_type] + 2]
                if name in node.output and node.op_type in MOVES:
                    return of_maker(node.input[0])
            return None

        bytes_of = (onnx.TensorProto.UINT8, onnx.TensorProto.INT8)
        self.inputs = {e.name: parameters(of_reader(e.name)) for e in graph.input if e.type.tensor_type.elem_type in bytes_of}
        self.outputs = {e.name: parameters(of_maker(e.name)) for e in graph.output if e.type.tensor_type.elem_type in bytes_of}

    def quantized(self, sample):
        def quantize(name, array):
            if array.dtype.kind != "f" or self.inputs.get(name) is None:
                return array
            scale, zero = self.inputs[name]
            limits = numpy.iinfo(zero.dtype)
            return numpy.clip(numpy.rint(array / scale) + zero, limits.min, limits.max).astype(zero.dtype)

        return {name: quantize(name, array) for name, array in sample.items()}

    def dequantized(self, results, wanted):
        def dequantize(name, array):
            if self.outputs.get(name) is None or name not in wanted or wanted[name].dtype.kind != "f":
                return array
            scale, zero = self.outputs[name]
            return ((array.astype(numpy.int32) - zero.astype(numpy.int32)) * scale).astype(numpy.float32)

        return {name: dequantize(name, array) for name, array in results.items()}


def fuse(path, sample, wanted, interface):
    """Counts of the operators that run after fusion, and how far their results are from the wanted ones."""
    with tempfile.TemporaryDirectory() as folder:
        fused_path = os.path.join(folder, "fused.onnx")
        found = interface.dequantized(run(session(path, fused_path), interface.quantized(sample)), wanted)
        counts = collections.Counter(node.op_type for node in onnx.load(fused_path).graph.node)
    outputs = [compare(name, found.get(name), value) for name, value in wanted.items()]
    return {"operators": dict(sorted(counts.items())), "outputs": outputs}


def compare_integers(path, sample, ours):
    """How many integers differ, and by how many steps at most; int8 activations are fused as uint8 ones are."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry("session.qdqisint8allowed", "1")
    found = run(onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]), sample)
    results = []
    for name, value in found.items():
        if name not in ours or value.dtype.kind not in "iu":
            continue
        steps = numpy.abs(value.astype(numpy.int64) - ours[name].astype(numpy.int64))
        results.append({
            "name": name, "count": int(steps.size), "different": int(numpy.count_nonzero(steps)),
            "largest_step": int(numpy.max(steps, initial=0)),
        })
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--inputs")
    parser.add_argument("--save")
    parser.add_argument("--fused", action="store_true")
    parser.add_argument("--integers")
    parser.add_argument("original")
    parser.add_argument("rewritten", nargs="*")
    arguments = parser.parse_args()

    original = session(arguments.original)
    names = [entry.name for entry in original.get_inputs()]
    if arguments.inputs:
        with numpy.load(arguments.inputs) as archive:
            missing = [name for name in names if name not in archive]
            if missing:
                sys.exit(f"witness: {arguments.inputs} has no array {missing[0]!r}")
            samples = [{name: archive[name] for name in names}]
    else:
        generator = numpy.random.default_rng(arguments.seed)
        samples = [random_inputs(original, generator, arguments.batch) for _ in range(arguments.samples)]

    expected = [run(original, sample) for sample in samples]
    if arguments.save:
        numpy.savez(arguments.save, **samples[0], **expected[0])
    report = {"original": {"path": arguments.original, "objection": check(arguments.original)}, "rewritten": []}
    for path in arguments.rewritten:
        entry = {"path": path, "objection": check(path), "samples": []}
        try:
            runner, interface = session(path), Interface(path)
            for sample, wanted in zip(samples, expected):
                found = interface.dequantized(run(runner, interface.quantized(sample)), wanted)
                entry["samples"].append([compare(name, found.get(name), value) for name, value in wanted.items()])
            if arguments.integers:
                with numpy.load(arguments.integers) as ours:
                    entry["integers"] = compare_integers(path, samples[0], ours)
            if arguments.fused:
                entry["fused"] = fuse(path, samples[0], expected[0], interface)
        except Exception as error:  # ONNX Runtime's exceptions share no base class
            entry["failure"] = str(error).strip().splitlines()[0]
        report["rewritten"].append(entry)
    json.dump(report, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
