"""dtypes.py OUT: random bits of every dtype, in views of every kind, written by torch and safetensors.

OUT/model.pt, OUT/model.safetensors, and OUT/expected.json: for each file and tensor the shape, and the float64 values that
torch widens it to as hexadecimal little-endian bytes, every NaN as 0x7ff8000000000000.
"""
import json
import pathlib
import sys

import numpy as np
import torch
from safetensors.torch import save_file

out = pathlib.Path(sys.argv[1])
generator = torch.Generator().manual_seed(7)
FLOAT4 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6])
SAFE = ["bool", "uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "bfloat16", "float32",
        "float64", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu", "complex64"]
TORCH = [*SAFE, "complex32", "complex128", "float4_e2m1fn_x2"]


def bits(name, shape):
    dtype = getattr(torch, name)
    count = int(np.prod(shape)) * torch.empty(0, dtype=dtype).element_size()
    raw = torch.randint(0, 2 if name == "bool" else 256, (count,), dtype=torch.uint8, generator=generator)
    return raw.view(dtype).reshape(shape)


def widened(t):
    if t.dtype == torch.float4_e2m1fn_x2:
        packed = t.view(torch.uint8).contiguous().numpy().ravel()
        return np.stack([FLOAT4[packed & 15], FLOAT4[packed >> 4]], axis=1).ravel()
    if t.is_complex():
        wide = t.contiguous().to(torch.complex128)
        return torch.view_as_real(wide).numpy().ravel()
    return t.contiguous().to(torch.float64).numpy().ravel()


def expected(t):
    values = widened(t).astype("<f8").copy()
    values[np.isnan(values)] = np.uint64(0x7FF8000000000000).view(np.float64)
    return {"shape": list(t.shape), "values": values.tobytes().hex()}


def views(name):
    base = bits(name, (12, 10))
    yield "plain", bits(name, (3, 5))
    yield "scalar", bits(name, ())
    yield "empty", bits(name, (0, 3))
    yield "transposed", base.t()
    yield "sliced", base[2::3, 1:8:2]
    yield "expanded", base[3:4, :4].expand(5, 4)
    yield "permuted", bits(name, (2, 3, 4)).permute(2, 0, 1)
    yield "overlapping", base.as_strided((4, 3), (2, 1), 5)


model = {f"{name}.{view}": t for name in TORCH for view, t in views(name)}
torch.save(model, out / "model.pt")
plain = {f"{name}.{n}": bits(name, shape) for name in SAFE for n, shape in enumerate([(7, 3), (), (0,)])}
save_file(plain, out / "model.safetensors")
facts = {file: {name: expected(t) for name, t in tensors.items()}
         for file, tensors in {"model.pt": model, "model.safetensors": plain}.items()}
(out / "expected.json").write_text(json.dumps(facts))
