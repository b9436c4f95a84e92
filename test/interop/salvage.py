"""salvage.py make FOLDER: FOLDER/training.pt, a model and AdamW's state of it, and FOLDER/legacy.pt, the same in the form before 1.6;
prints for each the byte at which each storage ends, by tensor: what lies before a cut must be saved.

salvage.py check ORIGINAL MENDED...: loads what was saved of cut copies as weights only and mapped, compares every tensor with the original,
and lets the optimizer take a step. Prints, for each, the names of the tensors that are there.
"""

import json
import os
import sys
import zipfile

import torch


def model():
    torch.manual_seed(5)
    return torch.nn.Sequential(torch.nn.Linear(40, 60), torch.nn.LayerNorm(60), torch.nn.Linear(60, 10))


def tensors(value, path=""):
    if isinstance(value, torch.Tensor):
        yield path, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from tensors(each, f"{path}.{key}" if path else str(key))


def make(folder):
    net = model()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    for _ in range(2):
        net(torch.randn(8, 40)).square().mean().backward()
        optimizer.step()
    state = {"model": net.state_dict(), "optimizer": optimizer.state_dict(), "global_step": 2}
    path = os.path.join(folder, "training.pt")
    torch.save(state, path)
    torch.save(state, os.path.join(folder, "legacy.pt"), _use_new_zipfile_serialization=False)
    with zipfile.ZipFile(path) as archive:
        starts = [info.header_offset for info in archive.infolist()] + [archive.start_dir]
        records = [info.filename for info in archive.infolist()]
    ends = dict(zip(records, starts[1:]))
    mapped = torch.load(path, weights_only=True)
    names = [name for name, _ in tensors(mapped)]
    keys = [record for record in records if "/data/" in record and record.split("/")[-1].isdigit()]
    return {name: ends[key] for name, key in zip(names, sorted(keys, key=lambda key: int(key.split("/")[-1])))}


def check(original, mended):
    whole = dict(tensors(torch.load(original, weights_only=True)))
    state = torch.load(mended, weights_only=True, mmap=True)
    saved = dict(tensors(state))
    for name, tensor in saved.items():
        assert tensor.dtype == whole[name].dtype and torch.equal(tensor, whole[name]), name
    assert state["global_step"] == 2
    net = model()
    net.load_state_dict(state["model"], strict=False)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    optimizer.load_state_dict(state["optimizer"])
    net(torch.randn(8, 40)).square().mean().backward()
    optimizer.step()
    return list(saved)


match sys.argv[1:]:
    case ["make", folder]:
        json.dump(make(folder), sys.stdout)
    case ["check", *pairs]:
        json.dump([check(original, mended) for original, mended in zip(pairs[::2], pairs[1::2])], sys.stdout)
