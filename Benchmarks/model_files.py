#!/usr/bin/env python3
"""Measures the onnx package at what ModelFiles measures Cleave at: model_files.py MODEL ROUNDS."""
import json
import os
import resource
import sys
import time

import onnx

model, rounds = sys.argv[1], int(sys.argv[2])
copy = model + ".copy"
load = save = float("inf")
for _ in range(rounds):
    start = time.perf_counter()
    proto = onnx.load(model)
    loaded = time.perf_counter()
    onnx.save(proto, copy)
    save = min(save, time.perf_counter() - loaded)
    load = min(load, loaded - start)
    del proto
os.remove(copy)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps({"load": load, "save": save, "peak": peak}))
