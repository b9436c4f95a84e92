"""Writes dtypes.json: what torch widens every bit pattern of the small dtypes, and chosen values of the large ones, to.

`all` is the SHA-256 of the float64 values of patterns 0, 1, 2 ... with every NaN as 0x7ff8000000000000;
`some` are pairs of little-endian bytes and the float64 they widen to, both in hexadecimal.
"""
import hashlib
import json
import pathlib

import numpy as np
import torch

SMALL = ["float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu", "float16", "bfloat16",
         "uint8", "int8", "bool", "int16", "uint16"]
FLOATS = [0.0, -0.0, 1.5, -2.25, 1e-45, 1.1754942e-38, 3.4028235e38, float("inf"), -float("inf"), 0.1, 1 / 3]
INTEGERS = {
    "int32": [0, 1, -1, 2**31 - 1, -(2**31)],
    "uint32": [0, 1, 2**31, 2**32 - 1],
    "int64": [0, 1, -1, 2**53, 2**53 + 1, 2**53 + 3, -(2**53) - 1, 2**63 - 1, -(2**63), 2**62 + 256, 2**62 + 257,
              2**62 + 768, 0x123456789ABCDEF, -0x123456789ABCDEF],
    "uint64": [0, 1, 2**53 + 1, 2**63, 2**63 + 1024, 2**63 + 1025, 2**64 - 1, 2**64 - 1025],
}


def widened(t):
    values = t.to(torch.float64).numpy().copy()
    values[np.isnan(values)] = np.uint64(0x7FF8000000000000).view(np.float64)
    return values.astype("<f8")


def small(name):
    dtype = getattr(torch, name)
    bits = 8 * torch.empty(0, dtype=dtype).element_size()
    patterns = torch.from_numpy(np.arange(2**bits).astype(np.uint8 if bits == 8 else np.uint16))
    if name == "bool":
        patterns = patterns != 0
    else:
        patterns = patterns.view(dtype)
    return hashlib.sha256(widened(patterns).tobytes()).hexdigest()


def pairs(t):
    parts = torch.view_as_real(t).reshape(-1) if t.is_complex() else t
    raw = t.numpy().tobytes()
    item = len(raw) // parts.numel()
    return [[raw[i * item:(i + 1) * item].hex(), v.tobytes().hex()] for i, v in enumerate(widened(parts))]


some = {name: pairs(torch.tensor(values, dtype=getattr(torch, name))) for name, values in INTEGERS.items()}
some["float32"] = pairs(torch.tensor(FLOATS, dtype=torch.float32))
some["float64"] = pairs(torch.tensor(FLOATS + [5e-324, 1.7976931348623157e308], dtype=torch.float64))
some["complex64"] = pairs(torch.tensor([1 + 2j, -0.1 + 1e-45j], dtype=torch.complex64))
some["complex128"] = pairs(torch.tensor([1 + 2j, -0.1 + 5e-324j], dtype=torch.complex128))
out = {"torch": torch.__version__, "all": {name: small(name) for name in SMALL}, "some": some}
pathlib.Path(__file__).with_name("dtypes.json").write_text(json.dumps(out, indent=1) + "\n")
