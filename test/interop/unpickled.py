"""What Python and PyTorch say of pickles, for pickle.test.ts. Nothing hostile is unpickled.

unpickled.py allowed                 the globals weights_only accepts
unpickled.py streams FOLDER          by file: where pickletools sees STOP and which globals it sees, or that it sees an error
unpickled.py forecast FILE...        by file: whether torch.load(weights_only=True) takes it, and the globals it minds
unpickled.py dump FOLDER           one value of many kinds in protocols 0 to 5, by number, and a tensor as plain pickle has it
unpickled.py load FILE               a pickle of plain values, unpickled, as a list of reprs
unpickled.py replace JSON            for each [ARCHIVE, PKL, OUT]: ARCHIVE with PKL for its data.pkl; whether weights_only gives the
                               same tensors
"""

import argparse
import collections
import datetime
import json
import os
import pathlib
import pickle
import pickletools
import sys
import zipfile

import numpy
import torch
import torch._weights_only_unpickler as weights_only


def allowed():
    return sorted({*weights_only._get_allowed_globals(), *weights_only._get_user_allowed_globals()})


def stream(path):
    with open(path, "rb") as file:
        data = file.read()
    named, end = [], 0
    try:
        for opcode, argument, position in pickletools.genops(data):
            end = position + 1
            if opcode.name in ("GLOBAL", "INST"):
                named.append(argument.replace(" ", "."))
    except Exception as error:
        return {"error": str(error), "globals": named}
    return {"end": end, "globals": named}


def streams(folder):
    return {name: stream(os.path.join(folder, name)) for name in sorted(os.listdir(folder))}


def forecast(*paths):
    facts = {}
    for path in paths:
        try:
            torch.load(path, weights_only=True, map_location="cpu")
            facts[path] = {"loads": True, "minds": []}
        except Exception as error:
            try:
                minds = torch.serialization.get_unsafe_globals_in_checkpoint(path)
            except Exception:
                minds = None
            facts[path] = {"loads": False, "minds": minds, "error": str(error)[:200]}
    return facts


def dump(folder):
    shared = ["one", "two"]
    value = {
        "ints": [0, 1, -1, 255, 256, 65535, 65536, -(2**31), 2**31, 2**53 - 1, -(2**53) + 1],
        "floats": [0.5, -1e300, 1e-320],
        "texts": ["", "\u00e9\u5c64\U0001f600", "back\\slash\n'\"", "\ud800", "\\u0041", "x" * 300],
        "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
        "flags": [True, False, None],
        "set": {1},
        "shared": [shared, shared],
        "long": list(range(2500)),
        "nested": {"a": {"b": {"c": [[[]]]}}},
        "ordered": collections.OrderedDict(z=1, a=2),
        "counted": collections.Counter("hello"),
        "default": collections.defaultdict(list, k=[1]),
        "arguments": argparse.Namespace(lr=0.1, name="run"),
        "path": pathlib.PurePosixPath("/a/b"),
        "number": numpy.float32(0.25),
        "array": numpy.arange(6, dtype="int16").reshape(2, 3),
        "bytes": b"\x00\xff",
        "when": datetime.datetime(2024, 2, 29, 23, 59, 58),
    }
    for protocol in range(6):
        with open(os.path.join(folder, f"{protocol}.pkl"), "wb") as file:
            pickle.dump(value, file, protocol)
    with open(os.path.join(folder, "tensor.pkl"), "wb") as file:
        pickle.dump({"w": torch.ones(2, 3)}, file)


def load(path):
    with open(path, "rb") as file:
        return [repr(item) for item in pickle.load(file)]


def tensors(value, path=""):
    if isinstance(value, torch.Tensor):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from tensors(item, f"{path}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from tensors(item, f"{path}.{index}")


def described(path):
    for name, tensor in tensors(torch.load(path, weights_only=True)):
        dense = tensor.to_dense() if tensor.layout != torch.strided else tensor
        plain = dense.int_repr() if dense.is_quantized else dense.detach()
        yield name, str(tensor.dtype), tensor.requires_grad, tensor.layout, plain.stride(), plain.resolve_conj().resolve_neg().contiguous().view(-1).view(torch.uint8).tolist()


def replace(jobs):
    facts = []
    for archive, pkl, out in json.loads(jobs):
        with zipfile.ZipFile(archive) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as target:
            for info in source.infolist():
                data = source.read(info.filename)
                if info.filename.endswith("/data.pkl"):
                    with open(pkl, "rb") as file:
                        data = file.read()
                target.writestr(info.filename, data)
        before = list(described(archive))
        facts.append({"archive": archive, "same": before == list(described(out)), "count": len(before)})
    return facts


json.dump(globals()[sys.argv[1]](*sys.argv[2:]), sys.stdout)
