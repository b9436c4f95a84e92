"""plain.py make FOLDER: files of torch.save with objects of every common kind among the training state.

objects.pt, legacy.pt (the stream before 1.6), protocol5.pt: one training dict. Needs numpy.
plain.py check PLAIN ORIGINAL...: loads each plain file with weights_only=True and mmap=True, the original with everything its
pickle asks for, and prints what is not the original's plain form: nothing, if all is well.
plain.py load FILE...: prints how many tensors weights_only=True, mmap=True finds in each.
"""

import argparse
import collections
import dataclasses
import datetime
import enum
import json
import os
import pathlib
import random
import sys

import numpy
import torch


class Mode(enum.Enum):
    FAST = "fast"


class Level(enum.IntEnum):
    HIGH = 3


@dataclasses.dataclass
class Options:
    lr: float = 0.1
    layers: list = dataclasses.field(default_factory=lambda: [1, 2])
    mode: Mode = Mode.FAST


Point = collections.namedtuple("Point", "x y")


def make(folder):
    torch.manual_seed(5)
    model = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.BatchNorm1d(7))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 50)
    for _ in range(4):
        model(torch.randn(6, 5)).square().mean().backward()
        optimizer.step()
        scheduler.step()
    base = torch.randn(4, 6)
    state = {
        "model": model.state_dict(), "optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict(),
        "step": 4, "big": 2**70, "negative": -(2**40), "ratio": 0.1, "nan": float("nan"), "inf": float("-inf"),
        "args": argparse.Namespace(lr=1e-3, out=pathlib.PurePosixPath("/runs/a"), nested=argparse.Namespace(a=1)),
        "options": Options(), "mode": Mode.FAST, "level": Level.HIGH, "point": Point(1, 2.5),
        "when": datetime.datetime(2024, 5, 6, 7, 8, 9), "history": collections.defaultdict(list, {"loss": [2.0, 1.5]}),
        "recent": collections.deque([1, 2, 3], maxlen=3), "counter": collections.Counter("aab"),
        "frozen": frozenset({1, 2}), "many": {1, 2}, "blob": b"\x00\xff bytes", "size": torch.Size([2, 3]),
        "dtype": torch.bfloat16, "device": torch.device("cpu"), "half": numpy.float32(0.1),
        "float16": numpy.float16(-0.1), "tiny": numpy.float16(6e-8), "name": numpy.str_("Größe 名"), "whole": numpy.int64(2**60),
        "double": numpy.float64(1 / 3), "flag": numpy.bool_(True), "array": numpy.arange(6.0).reshape(2, 3).T,
        "big_endian": numpy.arange(4, dtype=">i4"), "kind": torch.nn.Linear,
        "rng": {"python": random.getstate(), "numpy": numpy.random.get_state(), "torch": torch.get_rng_state()},
        "views": {"base": base, "transposed": base.T, "part": base[1:3, 2:5], "expanded": base[:1].expand(3, 6)},
        "parameter": torch.nn.Parameter(torch.randn(3)),
        "many_dtypes": [torch.arange(3).to(d) for d in (torch.uint16, torch.float16, torch.bfloat16, torch.complex64, torch.bool)],
    }
    torch.save(state, os.path.join(folder, "objects.pt"))
    torch.save(state, os.path.join(folder, "protocol5.pt"), pickle_protocol=5)
    del state["many_dtypes"]
    torch.save(state, os.path.join(folder, "legacy.pt"), _use_new_zipfile_serialization=False)


def plain(value):
    """What Assay should have made of an object."""
    if isinstance(value, argparse.Namespace):
        return {k: plain(v) for k, v in vars(value).items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {k: plain(v) for k, v in vars(value).items()}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, pathlib.PurePath):
        return str(value)
    if isinstance(value, datetime.datetime):
        return str(value)
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, numpy.generic):
        return value.item()
    if isinstance(value, numpy.ndarray):
        return torch.from_numpy(numpy.ascontiguousarray(value.astype(value.dtype.newbyteorder("="))))
    if isinstance(value, (collections.OrderedDict, collections.Counter)):
        return type(value)((k, plain(v)) for k, v in value.items()) if not isinstance(value, collections.Counter) else value
    if isinstance(value, dict):
        return {plain(k): plain(v) for k, v in value.items()}
    if isinstance(value, collections.deque):
        return [plain(v) for v in value]
    if isinstance(value, torch.Size):
        return value
    if isinstance(value, tuple):
        return tuple(plain(v) for v in value)
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, frozenset):
        return set(value)
    return value


def differences(got, wanted, path=""):
    if type(got) is not type(wanted):
        yield f"{path}: {type(got)} is not {type(wanted)}"
    elif isinstance(got, torch.Tensor):
        same = got.dtype == wanted.dtype and got.shape == wanted.shape and got.stride() == wanted.stride()
        if not same or got.requires_grad != wanted.requires_grad or not torch.equal(got, wanted):
            yield f"{path}: tensors differ"
    elif isinstance(got, dict):
        if list(got) != list(wanted):
            yield f"{path}: {list(got)} is not {list(wanted)}"
        for key in got:
            yield from differences(got[key], wanted.get(key), f"{path}.{key}")
    elif isinstance(got, (list, tuple)):
        if len(got) != len(wanted):
            yield f"{path}: {len(got)} items, not {len(wanted)}"
        for i, (a, b) in enumerate(zip(got, wanted)):
            yield from differences(a, b, f"{path}.{i}")
    elif got != wanted and not (got != got and wanted != wanted):
        yield f"{path}: {got!r} is not {wanted!r}"


def check(path, original):
    new = torch.load(path, weights_only=True, mmap=True)
    old = torch.load(original, weights_only=False)
    found = list(differences(new, plain(old)))
    if "optimizer" in new and "rng" in new:
        fresh = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.BatchNorm1d(7))
        fresh.load_state_dict(new["model"], strict=True)
        torch.optim.AdamW(fresh.parameters()).load_state_dict(new["optimizer"])
        random.setstate(new["rng"]["python"])
        numpy.random.set_state(new["rng"]["numpy"])
        torch.set_rng_state(new["rng"]["torch"])
    return found


def tensors(value):
    if isinstance(value, torch.Tensor):
        return 1
    if isinstance(value, dict):
        return sum(map(tensors, value.values()))
    return sum(map(tensors, value)) if isinstance(value, (list, tuple)) else 0


match sys.argv[1:]:
    case ["make", folder]:
        make(folder)
    case ["check", *pairs]:
        json.dump([check(new, old) for new, old in zip(pairs[::2], pairs[1::2])], sys.stdout)
    case ["load", *paths]:
        json.dump([tensors(torch.load(path, weights_only=True, mmap=True)) for path in paths], sys.stdout)
