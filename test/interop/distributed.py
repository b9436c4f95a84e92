"""Digests of every tensor in a folder of torch.distributed.checkpoint, gathered by torch itself."""
import hashlib
import json
import os
import sys
import tempfile

import torch
from torch.distributed.checkpoint.format_utils import dcp_to_torch_save

def digests(value, path=()):
    if isinstance(value, torch.Tensor):
        data = value.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        shape = list(value.shape)
        return {".".join(path): {"dtype": str(value.dtype)[6:], "shape": shape, "sha256": hashlib.sha256(data).hexdigest()}}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {name: found for key, each in items for name, found in digests(each, (*path, str(key))).items()}


with tempfile.TemporaryDirectory() as folder:
    gathered = os.path.join(folder, "full.pt")
    if os.path.isdir(sys.argv[1]):
        dcp_to_torch_save(sys.argv[1], gathered)
    else:
        gathered = sys.argv[1]
    print(json.dumps(digests(torch.load(gathered, weights_only=False))))
