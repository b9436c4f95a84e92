"""Makes files with PyTorch and safetensors for write.test.ts, and loads what it has written.

write.py make FOLDER        reference.safetensors, model.pt (the same tensors, some tied or strided), cast.pt and cast.json
write.py load FOLDER FILE... prints JSON: for each file, how it loads, and SHA-256 of every tensor
"""

import hashlib
import json
import os
import sys

import safetensors.torch
import torch

DTYPES = [
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.uint16, torch.int32, torch.uint32, torch.int64, torch.uint64,
    torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64,
    torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz, torch.float8_e8m0fnu,
    torch.float4_e2m1fn_x2,
]


def random_bits(dtype, shape, generator):
    count = torch.Size(shape).numel() * torch.empty(0, dtype=dtype).element_size()
    limit = 2 if dtype == torch.bool else 256
    return torch.randint(0, limit, (count,), dtype=torch.uint8, generator=generator).view(dtype).reshape(shape)


def raw(tensor):
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def make(folder):
    generator = torch.Generator().manual_seed(7)
    plain = {}
    for dtype in DTYPES:
        name = str(dtype).split(".")[1]
        plain[f"z.{name}"] = random_bits(dtype, (3, 4), generator)
        plain[f"a.{name}"] = random_bits(dtype, (5,), generator)
    for name in ["é", "\U0001f600", "\ufffd", 'quote"back\\slash', "tab\tline\n", ""]:
        plain["name." + name] = torch.randn(2, generator=generator)
    plain["scalar"] = torch.tensor(3.5)
    plain["empty"] = torch.empty(0, 7)
    safetensors.torch.save_file(plain, os.path.join(folder, "reference.safetensors"), metadata={"format": "pt"})

    torch.save(plain, os.path.join(folder, "model.pt"))

    base = torch.randn(6, 8, generator=generator)
    views = {
        "tied.a": base, "tied.b": base, "transposed": base.T, "part": base[2:4, 1:5], "expanded": base[:1].expand(4, 8),
        "complex128": torch.randn(3, dtype=torch.complex128, generator=generator),
        "parameter": torch.nn.Parameter(torch.randn(3, generator=generator)),
        "quantized": torch.quantize_per_tensor(base, 0.1, 0, torch.qint8),
    }
    torch.save(views, os.path.join(folder, "views.pt"))

    edges = torch.tensor(
        [0.0, -0.0, 1.0, 65504.0, 65519.996, 65520.0, 65536.0, 1e38, 3.4028235e38, 1e39, float("inf"), float("-inf"),
         2.0**-14, 2.0**-15, 2.0**-24, 2.0**-25, 2.0**-25 * 1.0000001, 1.5 * 2.0**-24, 2.5 * 2.0**-24, 1e-45, 1e-310,
         3.3895314e38, 3.3961776e38, 1 + 2.0**-11, 1 + 3 * 2.0**-11, 1 + 2.0**-8, 1 + 3 * 2.0**-8, 1 + 2.0**-11 + 2.0**-30,
         1 + 2.0**-11 + 2.0**-50],
        dtype=torch.float64,
    )
    sources = {}
    for dtype in [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2,
                  torch.float8_e4m3fnuz, torch.float8_e5m2fnuz, torch.float8_e8m0fnu]:
        name = str(dtype).split(".")[1]
        sources[name] = random_bits(dtype, (70001,), generator)
        if dtype in (torch.float64, torch.float32):
            sources[f"{name}.edges"] = torch.cat([edges, -edges]).to(dtype)
            spread = torch.randn(50000, dtype=torch.float64, generator=generator)
            scale = torch.randint(-30, 20, (50000,), generator=generator).double()
            sources[f"{name}.spread"] = (spread * 2.0**scale).to(dtype)
    sources["int64"] = torch.arange(5)
    sources["bool"] = torch.tensor([True, False])
    torch.save(sources, os.path.join(folder, "cast.pt"))
    expected = {}
    for target in [torch.float32, torch.float16, torch.bfloat16]:
        cast = {k: v if not v.is_floating_point() else v.to(target) for k, v in sources.items()}
        expected[str(target).split(".")[1]] = {k: v.tolist() if v.dtype in (torch.int64, torch.bool) else
                                               v.float().view(torch.int32).masked_fill(v.isnan(), 0x7fc00000).numpy().tobytes().hex()
                                               for k, v in cast.items()}
    with open(os.path.join(folder, "cast.json"), "w") as file:
        json.dump(expected, file)


def described(state):
    return {
        name: {"dtype": str(tensor.dtype).split(".")[1], "shape": list(tensor.shape),
               "sha256": hashlib.sha256(raw(tensor)).hexdigest(), "data": tensor.data_ptr()}
        for name, tensor in state.items()
    }


def load(path):
    if path.endswith(".safetensors"):
        return {"safetensors": described(safetensors.torch.load_file(path))}
    return {
        "weights_only": described(torch.load(path, weights_only=True)),
        "mmap": described(torch.load(path, weights_only=True, mmap=True)),
    }


if sys.argv[1] == "make":
    make(sys.argv[2])
else:
    json.dump({name: load(os.path.join(sys.argv[2], name)) for name in sys.argv[3:]}, sys.stdout)
