#!/usr/bin/env python3
"""Measures making a ResNet50V2 for 32×32 images an int8 model on 1000 samples, file to file, beside ONNX Runtime where it is installed.

    Benchmarks/quantizing.py CLEAVE [ROUNDS]

Run it with the Python that has onnxruntime, onnx and sympy, if any. Cleave's time is that of the whole command, ONNX Runtime's that of
quant_pre_process and quantize_static (QDQ, a scale per channel, extremes), without the start of Python and its imports. Both take the
same samples, ten at a time, and turns; the medians and the range of the ratio count.
"""
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile

try:
    import numpy
    import onnxruntime
    import sympy  # quant_pre_process does without it only half of what it is for
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process
except ImportError:
    onnxruntime = None

SAMPLES, BATCH, SHAPE = 1000, 10, (3, 32, 32)


def write_samples(path):
    """Uniform numbers from 0 to 1 in an npz archive, made without NumPy, which may be missing."""
    import array
    import random

    generator = random.Random(1)
    numbers = array.array("f", (generator.random() for _ in range(SAMPLES * SHAPE[0] * SHAPE[1] * SHAPE[2])))
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {(SAMPLES, *SHAPE)}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("input.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + numbers.tobytes())


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main():
    cleave, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory(prefix="cleave-benchmark.") as folder:
        model, samples, result = (os.path.join(folder, name) for name in ("model.onnx", "samples.npz", "int8.onnx"))
        build = [cleave, "build", "resnet50v2", "--classes", "10", "--input", "3x32x32", "-o", model, "--quiet"]
        subprocess.run(build, check=True)
        write_samples(samples)

        def quantize(method):
            command = [cleave, "quantize", model, "--inputs", samples, "--samples", str(SAMPLES), "--method", method, "-o", result]
            subprocess.run(command + ["--quiet"], check=True)

        def quantize_statically():
            numbers = numpy.load(samples)["input"]
            batches = iter([{"input": numbers[first : first + BATCH]} for first in range(0, SAMPLES, BATCH)])

            class Reader(CalibrationDataReader):
                def get_next(self):
                    return next(batches, None)

            prepared = os.path.join(folder, "prepared.onnx")
            quant_pre_process(model, prepared)
            logging.disable(logging.WARNING)
            quantize_static(
                prepared, os.path.join(folder, "peer.onnx"), Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
                activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)

        ours, entropy, theirs = [], [], []
        for _ in range(rounds):
            ours.append(timed(lambda: quantize("minmax")))
            entropy.append(timed(lambda: quantize("entropy")))
            if onnxruntime:
                theirs.append(timed(quantize_statically))
        print(f"cleave quantize: {statistics.median(ours):.2f} s with {SAMPLES} samples, {statistics.median(entropy):.2f} s by entropy")
        print(f"{os.path.getsize(model) / 1e6:.1f} MB became {os.path.getsize(result) / 1e6:.1f} MB")
        if onnxruntime:
            ratios = [peer / own for own, peer in zip(ours, theirs)]
            print(
                f"ONNX Runtime {onnxruntime.__version__}: {statistics.median(theirs):.2f} s; Cleave is "
                f"{statistics.median(ratios):.1f} times as fast, from {min(ratios):.1f} to {max(ratios):.1f} over {rounds} rounds")


if __name__ == "__main__":
    main()
