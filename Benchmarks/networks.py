#!/usr/bin/env python3
"""Measures whole networks with `cleave benchmark`, beside ONNX Runtime where a Python has it, and prints one table.

    Benchmarks/networks.py CLEAVE [PYTHON] [--seconds S]

CLEAVE is the built command; PYTHON has the packages onnxruntime and numpy. S is the time for each line, 8 by default.
"""
import argparse
import itertools
import json
import os
import subprocess
import random
import struct
import sys
import tempfile
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Real networks, beside the repository; they may be absent. Their batch is fixed.
REAL = [("light_resnet50", "../shared/models/light/light_resnet50.onnx")]
# Networks that are quantized first, on a few random images.
INTEGER = [
    ("resnet50v2 32×32 int8", ["--classes", "10", "--input", "3x32x32"], (3, 32, 32), (1, 32)),
    ("resnet50v2 224×224 int8", [], (3, 224, 224), (1, 8)),
]
COLUMNS = "{:<24} {:>5}   {:>11} {:>9}   {:>11} {:>9}   {:>6}   {:<15} {}"


def networks(cleave, folder):
    """Yields title, path and batches; None for the batch that a model has."""
    for title, options, batches in [
        ("resnet50v2 32×32", ["--classes", "10", "--input", "3x32x32"], (1, 32)),
        ("  spatial", ["--classes", "10", "--input", "3x32x32", "--form", "spatial"], (1, 32)),
        ("  depthwise", ["--classes", "10", "--input", "3x32x32", "--form", "depthwise"], (1, 32)),
        ("resnet50v2 224×224", [], (1, 8)),
    ]:
        path = os.path.join(folder, "model.onnx")
        subprocess.run([cleave, "build", "resnet50v2", *options, "-o", path, "--quiet"], check=True)
        yield title, path, batches
    for title, path in REAL:
        path = os.path.join(ROOT, path)
        if os.path.exists(path):
            yield title, path, (None,)


def random_images(path, name, shape, count=4):
    """Writes an npz archive with normally distributed numbers, without NumPy."""
    length = count
    for axis in shape:
        length *= axis
    generator = random.Random(1)
    numbers = struct.pack(f"<{length}f", *(generator.gauss(0, 1) for _ in range(length)))
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {(count, *shape)}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name + ".npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + numbers)


def quantize(cleave, path, folder, shape):
    """Makes an int8 model of one that has its batch open; returns its path. A fixed batch is cut from the images."""
    description = json.loads(subprocess.run([cleave, "inspect", path, "--json"], check=True, stdout=subprocess.PIPE).stdout)
    images, integer = os.path.join(folder, "images.npz"), os.path.join(folder, "int8.onnx")
    random_images(images, description["inputs"][0]["name"], shape)
    subprocess.run([cleave, "quantize", path, "--inputs", images, "--batch", "1", "-o", integer, "--quiet"], check=True)
    return integer


def integer_networks(cleave, folder):
    """The same for int8 networks."""
    path = os.path.join(folder, "model.onnx")
    for title, options, shape, batches in INTEGER:
        subprocess.run([cleave, "build", "resnet50v2", *options, "-o", path, "--quiet"], check=True)
        yield title, quantize(cleave, path, folder, shape), batches
    for title, path in REAL:
        path = os.path.join(ROOT, path)
        if os.path.exists(path):
            yield title + " int8", quantize(cleave, path, folder, (3, 224, 224)), (None,)


def duration(seconds):
    return f"{seconds * 1e3:.3g} ms" if seconds < 0.9995 else f"{seconds:.3g} s"


def measure(arguments, title, batch):
    command = [arguments.cleave, "benchmark", arguments.model, "--seconds", str(arguments.seconds), "--json", "--quiet"]
    if batch is not None:
        command += ["--batch", str(batch)]
    if arguments.python:
        command += ["--against", "onnxruntime", "--python", arguments.python]
    process = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if process.returncode not in (0, 1):
        return title, batch or "–", "–", "–", "–", "–", "–", "", process.stderr.strip().splitlines()[0]
    result = json.loads(process.stdout)
    ours, against = result["measured"], result["against"]
    line = [title, result["batch"], duration(ours["latency_seconds"]["median"]), f"{ours['images_per_second']:.3g}"]
    notes = ["noisy"] if result["warnings"] else []
    if against is None:
        return *line, "–", "–", "–", "", " ".join(notes)
    peer, speed = against["measured"], against["speed"]
    if against["verdict"] != "EQUAL":
        notes.insert(0, "DIFFERENT numbers")
    if speed["verdict"] == "too noisy to tell":
        notes.append(speed["verdict"])
    line += [duration(peer["latency_seconds"]["median"]), f"{peer['images_per_second']:.3g}", f"{speed['ratio']:.2f}"]
    return *line, f"{speed['smallest']:.2f} to {speed['largest']:.2f}", ", ".join(notes)


def main():
    parser = argparse.ArgumentParser(description="Whole networks, beside ONNX Runtime.")
    parser.add_argument("cleave")
    parser.add_argument("python", nargs="?")
    parser.add_argument("--seconds", type=float, default=8)
    arguments = parser.parse_args()
    print(COLUMNS.format("", "batch", "Cleave", "images/s", "ONNX Runtime", "images/s", "ratio", "in its parts", "").rstrip())
    with tempfile.TemporaryDirectory(prefix="cleave-benchmark.") as folder:
        everything = itertools.chain(networks(arguments.cleave, folder), integer_networks(arguments.cleave, folder))
        for title, arguments.model, batches in everything:
            for batch in batches:
                print(COLUMNS.format(*measure(arguments, title, batch)).rstrip(), flush=True)
    print("ratio: times as fast as ONNX Runtime; noisy: `cleave benchmark` warns of a busy machine")


if __name__ == "__main__":
    sys.exit(main())
