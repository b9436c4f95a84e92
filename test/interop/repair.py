"""repair.py make FOLDER: a training dict in one file, as scripts write it, with what is wrong in its model's weights.

FOLDER/training.pt: protocol 2, the model compiled (`_orig_mod.`) and one weight flattened; optimizer, scheduler, arguments,
random states and a history beside it. FOLDER/protocol4.pt: the same with pickle protocol 4.

repair.py check REPAIRED ORIGINAL: compares the two and prints what differs; nothing, if only names and shape do.
repair.py load FILE: prints names, dtypes, shapes and SHA-256, and whether torch, safetensors and weights_only take it.
"""

import argparse
import collections
import hashlib
import json
import os
import random
import sys

import numpy
import safetensors.torch
import torch


def make(folder):
    torch.manual_seed(3)
    inner = torch.nn.Sequential(
        collections.OrderedDict(fc1=torch.nn.Linear(6, 10), norm=torch.nn.BatchNorm1d(10), fc2=torch.nn.Linear(10, 4))
    )
    model = torch.compile(inner)
    optimizer = torch.optim.AdamW(inner.named_parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 100)
    for _ in range(3):
        inner(torch.randn(8, 6)).square().mean().backward()
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
    weights = model.state_dict()
    shared = [1, 2, 3]
    state = {
        "model": weights,
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "epoch": 3,
        "global_step": 3,
        "args": argparse.Namespace(lr=1e-3, layers=[6, 10, 4], name="tiny", flag=None, ratio=float("inf")),
        "rng": {"python": random.getstate(), "numpy": numpy.random.get_state(), "torch": torch.get_rng_state()},
        "history": collections.defaultdict(list, {"loss": [3.0, 2.5, float("nan")]}),
        "blob": b"\x00\xff bytes", "many": {1, 2}, "big": 2**70, "shared": [shared, shared], "size": torch.Size([2, 3]),
        "half": numpy.float32(0.5), "array": numpy.arange(6).reshape(2, 3),
    }
    weights["_orig_mod.fc1.weight"] = weights["_orig_mod.fc1.weight"].flatten()
    torch.save(state, os.path.join(folder, "training.pt"))
    torch.save(state, os.path.join(folder, "protocol4.pt"), pickle_protocol=4)


def differences(a, b, path=""):
    if type(a) is not type(b):
        yield f"{path}: {type(a)} is not {type(b)}"
    elif isinstance(a, torch.Tensor):
        if a.dtype != b.dtype or a.shape != b.shape or not torch.equal(a, b):
            yield f"{path}: {a.dtype} {tuple(a.shape)} is not {b.dtype} {tuple(b.shape)}, or other values"
    elif isinstance(a, dict):
        if list(a) != list(b):
            yield f"{path}: {list(a)} is not {list(b)}"
        for key in a:
            yield from differences(a[key], b.get(key), f"{path}.{key}")
        yield from differences(getattr(a, "_metadata", None), getattr(b, "_metadata", None), f"{path}._metadata")
    elif isinstance(a, (list, tuple)):
        if len(a) != len(b):
            yield f"{path}: {len(a)} items, not {len(b)}"
        for i, (x, y) in enumerate(zip(a, b)):
            yield from differences(x, y, f"{path}.{i}")
    elif isinstance(a, argparse.Namespace):
        yield from differences(vars(a), vars(b), path)
    elif isinstance(a, numpy.ndarray):
        if a.dtype != b.dtype or not numpy.array_equal(a, b):
            yield f"{path}: arrays differ"
    elif a != b and not (a != a and b != b):
        yield f"{path}: {a!r} is not {b!r}"


def check(repaired, original):
    new = torch.load(repaired, weights_only=False)
    old = torch.load(original, weights_only=False)
    model = old["model"]
    model["_orig_mod.fc1.weight"] = model["_orig_mod.fc1.weight"].reshape(10, 6)
    clean = collections.OrderedDict((key.removeprefix("_orig_mod."), value) for key, value in model.items())
    clean._metadata = collections.OrderedDict(
        (key.removeprefix("_orig_mod").removeprefix("."), value) for key, value in model._metadata.items()
    )
    old["model"] = clean
    found = list(differences(new, old))
    if new["shared"][0] is not new["shared"][1]:
        found.append("shared: no longer one list")
    fresh = torch.nn.Sequential(
        collections.OrderedDict(fc1=torch.nn.Linear(6, 10), norm=torch.nn.BatchNorm1d(10), fc2=torch.nn.Linear(10, 4))
    )
    fresh.load_state_dict(new["model"], strict=True)
    torch.optim.AdamW(fresh.parameters()).load_state_dict(new["optimizer"])
    return found


def described(state):
    return {
        name: {
            "dtype": str(tensor.dtype).split(".")[1],
            "shape": list(tensor.shape),
            "sha256": hashlib.sha256(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()).hexdigest(),
        }
        for name, tensor in state.items()
    }


def load(path):
    if path.endswith(".safetensors"):
        return described(safetensors.torch.load_file(path))
    return described(torch.load(path, weights_only=True, mmap=True))


match sys.argv[1:]:
    case ["make", folder]:
        make(folder)
    case ["check", *pairs]:
        json.dump([check(repaired, original) for repaired, original in zip(pairs[::2], pairs[1::2])], sys.stdout)
    case ["load", *paths]:
        json.dump([load(path) for path in paths], sys.stdout)
