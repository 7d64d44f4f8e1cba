#!/usr/bin/env python3
"""Training of ResNet50V2 on 32x32 images, batch 32, Adam, two threads, in turns with PyTorch where it is installed.

    training.py TRAINING_STEPS [ROUNDS [DATA]]

Cleave's steps are those of its trainer: images are loaded and augmented meanwhile, from DATA (folder:DIR ...) or random ones.
PyTorch's are steps alone, on images that lie in memory.
"""

import json
import statistics
import subprocess
import sys
import time

FORMS = ("standard", "spatial", "depthwise")
THREADS, BATCH, STEPS = 2, 32, 15


def cleave(program, form, data):
    """Milliseconds per step, and megabytes at most."""
    arguments = [program, "--form", form, "--batch", str(BATCH), "--threads", str(THREADS), "--steps", str(STEPS), "--json", "--data", data]
    result = json.loads(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout)
    return result["milliseconds"], result["megabytes"]


def torch_steps(form, channels_last):
    """The same of PyTorch, in a process of its own."""
    arguments = [sys.executable, __file__, "--torch", form, str(int(channels_last))]
    result = json.loads(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout)
    return result["milliseconds"], result["megabytes"]


def run_torch(form, channels_last):
    import resource

    import torch
    from torch import nn
    from torch.nn import functional

    def norm(channels):
        return nn.BatchNorm2d(channels, eps=1.001e-5, momentum=0.01)

    def middle(channels, stride):
        def conv(kernel, steps, padding, groups=1):
            return nn.Conv2d(channels, channels, kernel, steps, padding, groups=groups, bias=False)

        if form == "spatial":
            return nn.Sequential(conv((3, 1), (stride, 1), (1, 0)), conv((1, 3), (1, stride), (0, 1)))
        if form == "depthwise":
            return nn.Sequential(conv(3, stride, 1, channels), conv(1, 1, 0))
        return conv(3, stride, 1)

    class Block(nn.Module):
        def __init__(self, inputs, filters, stride, projects):
            super().__init__()
            self.stride, self.before = stride, norm(inputs)
            self.shortcut = nn.Conv2d(inputs, 4 * filters, 1, stride) if projects else None
            self.main = nn.Sequential(
                nn.Conv2d(inputs, filters, 1, bias=False), norm(filters), nn.ReLU(), middle(filters, stride), norm(filters), nn.ReLU(),
                nn.Conv2d(filters, 4 * filters, 1))

        def forward(self, x):
            y = functional.relu(self.before(x))
            if self.shortcut is not None:
                x = self.shortcut(y)
            elif self.stride > 1:
                x = functional.max_pool2d(x, 1, self.stride)
            return x + self.main(y)

    layers, channels = [nn.Conv2d(3, 64, 7, 2, 3), nn.ZeroPad2d(1), nn.MaxPool2d(3, 2)], 64
    for filters, blocks, stride in ((64, 3, 2), (128, 4, 2), (256, 6, 2), (512, 3, 1)):
        for index in range(blocks):
            layers.append(Block(channels, filters, stride if index == blocks - 1 else 1, index == 0))
            channels = 4 * filters
    layers += [norm(channels), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10)]
    torch.set_num_threads(THREADS)
    network, images, labels = nn.Sequential(*layers), torch.randn(BATCH, 3, 32, 32), torch.arange(BATCH) % 10
    if channels_last:
        network, images = network.to(memory_format=torch.channels_last), images.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3, fused=True)
    times = []
    for _ in range(STEPS + 3):
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        functional.cross_entropy(network(images), labels).backward()
        optimizer.step()
        times.append(time.perf_counter() - start)
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"milliseconds": statistics.median(times[3:]) * 1e3, "megabytes": megabytes}))


def has_torch():
    return subprocess.run([sys.executable, "-c", "import torch"], capture_output=True).returncode == 0


def main():
    if sys.argv[1] == "--torch":
        return run_torch(sys.argv[2], sys.argv[3] == "1")
    program, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
    data = sys.argv[3] if len(sys.argv) > 3 else "random"
    peer = has_torch()
    if not peer:
        print("no PyTorch to compare with: `pip install torch` in the environment that PYTHON names")
    for form in FORMS:
        own, others = [], []
        for _ in range(rounds):
            own.append(cleave(program, form, data))
            if peer:
                others.append(min(torch_steps(form, False), torch_steps(form, True)))
        milliseconds = statistics.median(time for time, _ in own)
        line = f"{form:10} {milliseconds:7.1f} ms per step {BATCH / milliseconds * 1e3:7.1f} images/s {max(m for _, m in own):6.0f} MB"
        if peer:
            ratio = statistics.median(theirs[0] / ours[0] for ours, theirs in zip(own, others))
            line += f"   {ratio:.2f} times PyTorch, which takes {max(m for _, m in others):.0f} MB"
        print(line)


if __name__ == "__main__":
    main()
