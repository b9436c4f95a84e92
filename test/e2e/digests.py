"""Prints, as JSON, the dtype, shape and sha256 of the contiguous bytes of every tensor that the reference libraries read."""
import hashlib
import json
import sys

import torch
from safetensors.torch import load_file

path = sys.argv[1]
tensors = load_file(path) if path.endswith(".safetensors") else torch.load(path, weights_only=True)


def told(tensor):
    raw = tensor.detach().contiguous().flatten().view(torch.uint8).numpy().tobytes()
    return {
        "dtype": str(tensor.dtype).removeprefix("torch."),
        "shape": list(tensor.shape),
        "sha256": hashlib.sha256(raw).hexdigest(),
    }


print(json.dumps({name: told(tensor) for name, tensor in tensors.items()}))
