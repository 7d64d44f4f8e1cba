#!/usr/bin/env python3
"""Measures folding a 102 MB ResNet50V2, file to file, beside onnxsim where it is installed.

    Benchmarks/folding.py CLEAVE [ROUNDS]

Run it with the Python that has onnx and onnxsim, if any. Cleave's time is that of the whole command, onnxsim's without the start
of Python and its imports. Both take turns; the medians and the range of the ratio count.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time

try:
    import onnx
    import onnxsim
except ImportError:
    onnxsim = None


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main():
    cleave, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory(prefix="cleave-benchmark.") as folder:
        model, result = os.path.join(folder, "model.onnx"), os.path.join(folder, "result.onnx")
        subprocess.run([cleave, "build", "resnet50v2", "-o", model, "--quiet"], check=True)

        def fold():
            subprocess.run([cleave, "fold", model, "-o", result, "--quiet"], check=True)

        def simplify():
            onnx.save(onnxsim.simplify(onnx.load(model))[0], result)

        ours, theirs = [], []
        for _ in range(rounds):
            ours.append(timed(fold))
            if onnxsim:
                theirs.append(timed(simplify))
        print(f"cleave fold: {statistics.median(ours) * 1e3:.0f} ms for {os.path.getsize(model) / 1e6:.0f} MB")
        if onnxsim:
            ratios = [peer / own for own, peer in zip(ours, theirs)]
            print(
                f"onnxsim {onnxsim.__version__.lstrip('v')}: {statistics.median(theirs) * 1e3:.0f} ms; Cleave is "
                f"{statistics.median(ratios):.1f} times as fast, from {min(ratios):.1f} to {max(ratios):.1f} over {rounds} rounds"
            )


if __name__ == "__main__":
    main()
