"""measures.py OUT CHECKPOINT_A CHECKPOINT_B: the values of two saves of one real training in every dtype, and what NumPy measures.

Weights and Adam's moments of both saves, each cast by torch, with the values that casting never makes put in between. OUT/a.safetensors
and OUT/b.safetensors hold them under the same names: `pair.kind`, where `pair` names the dtype of A and of B. OUT/expected.json
has, by name, `statistics` (of A) and `comparison` (of A with B): the definitions written out in float64, sums in long double.
"""
import json
import pathlib
import sys

import numpy as np
import torch
from safetensors.torch import load_file, save_file

out, first, second = (pathlib.Path(argument) for argument in sys.argv[1:])
FLOATS = ["float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"]
INTEGERS = ["bool", "uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
PAIRS = [(name, name) for name in FLOATS + INTEGERS] + [
    ("bfloat16", "float32"), ("float32", "bfloat16"), ("float16", "bfloat16"), ("float32", "float64"),
    ("float8_e4m3fn", "bfloat16"), ("float32", "float16"), ("int8", "int64"), ("float32", "int16"),
]
# Times what a large tensor is repeated, so that several threads measure parts of it.
LARGE = 40


def values(folder):
    """Weights, first and second moments as they were saved: the second ones of small gradients are far below 1."""
    weights = load_file(folder / "model.safetensors")
    states = torch.load(folder / "optimizer.pt", weights_only=True)["state"].values()
    return {
        "weights": torch.cat([t.flatten().float() for t in weights.values()]),
        "exp_avg": torch.cat([state["exp_avg"].flatten() for state in states]),
        "exp_avg_sq": torch.cat([state["exp_avg_sq"].flatten() for state in states]),
    }


def cast(x, name):
    dtype = getattr(torch, name)
    if name == "bool":
        return x > 0
    if not dtype.is_floating_point:
        info = torch.iinfo(dtype)
        scaled = x.double() / x.abs().max() * min(info.max, 2**62)
        return scaled.abs().to(torch.uint64) if name == "uint64" else scaled.clamp(info.min, min(info.max, 2**62)).to(dtype)
    return x.to(dtype)


def odd(x, name, offset):
    """The same with NaN, infinities, zeros of both signs, the least denormal and the greatest values in between."""
    dtype = getattr(torch, name)
    info = torch.finfo(dtype)
    # the squares of float64's extremes are beyond it
    most = info.max if name != "float64" else 1e100
    x = x.clone().to(torch.float64)
    for i, value in enumerate([float("nan"), float("inf"), float("-inf"), 0.0, -0.0, info.smallest_normal / 2, -most, most]):
        if name.startswith("float8") and np.isinf(value):
            value = float("nan")
        x[offset + 61 * i :: 997] = value
    return x.to(dtype)


def widened(t):
    return t.to(torch.float64).numpy()


def statistics(t):
    x, name = widened(t), str(t.dtype).removeprefix("torch.")
    finite = x[np.isfinite(x)]
    wide = finite.astype(np.longdouble)
    normal = torch.finfo(t.dtype).smallest_normal if t.dtype.is_floating_point else 0
    is_normal = (finite != 0) & (np.abs(finite) >= normal)
    exponents = np.frexp(finite[is_normal])[1] - 1
    negative = finite[is_normal] < 0
    # of small values nothing but zeros is left in narrow formats
    lowest, length = (int(exponents.min()), int(np.ptp(exponents)) + 1) if exponents.size else (None, 0)
    counts = lambda of: np.bincount(exponents[of] - lowest, minlength=length).tolist()
    mean = wide.mean()
    return {
        "dtype": name, "count": x.size, "min": float(finite.min()), "max": float(finite.max()), "mean": float(mean),
        "std": float(np.sqrt(((wide - mean) ** 2).mean())), "l2": float(np.sqrt((wide**2).sum())),
        "zeros": int((finite == 0).sum()), "nan": int(np.isnan(x).sum()), "inf": int(np.isinf(x).sum()),
        "denormals": int(((finite != 0) & (np.abs(finite) < normal)).sum()),
        "exponents": exponents.size and {"first": lowest, "positive": counts(~negative), "negative": counts(negative)} or None,
    }


def furthest(a, b, both):
    """The greatest distance in representable values: patterns without their sign count from zero up."""
    size = a.element_size()
    p, q = (t.contiguous().view(torch.uint8).numpy().view(f"<u{size}")[both].astype(np.uint64) for t in (a, b))
    sign = np.uint64(1 << (8 * size - 1))
    x, y = p & ~sign, q & ~sign
    return float(np.where((p ^ q) & sign == 0, np.where(x > y, x - y, y - x), x + y).max())


def comparison(a, b):
    x, y = widened(a), widened(b)
    both = np.isfinite(x) & np.isfinite(y)
    same_nan = np.isnan(x) & np.isnan(y)
    differ = a.numpy() != b.numpy() if a.dtype == b.dtype and not a.dtype.is_floating_point else (x != y) & ~same_nan
    p, q = x[both].astype(np.longdouble), y[both].astype(np.longdouble)
    d = (x[both] - y[both]).astype(np.longdouble)
    length_a, length_b = np.sqrt((p**2).sum()), np.sqrt((q**2).sum())
    return {
        "count": x.size, "changed": int(differ.sum()), "maxAbs": float(np.abs(d).max()), "meanAbs": float(np.abs(d).mean()),
        "rms": float(np.sqrt((d**2).mean())), "nonFinite": int((~both).sum()),
        "relL2": 0.0 if not d.any() else float(np.sqrt((d**2).sum()) / length_a) if length_a else None,
        "cosine": float((p * q).sum() / (length_a * length_b)) if length_a and length_b else None,
        "becameNan": int((np.isnan(y) & ~np.isnan(x)).sum()), "wasNan": int((np.isnan(x) & ~np.isnan(y)).sum()),
        "maxUlp": furthest(a, b, both) if a.dtype == b.dtype and a.dtype.is_floating_point else None,
    }


before, after = values(first), values(second)
tensors_a, tensors_b = {}, {}
for name_a, name_b in PAIRS:
    for kind in before:
        a, b = cast(before[kind], name_a), cast(after[kind], name_b)
        key = f"{name_a}~{name_b}.{kind}"
        tensors_a[key], tensors_b[key] = a, b
        if a.is_floating_point() and b.is_floating_point():
            tensors_a[f"{key}.odd"], tensors_b[f"{key}.odd"] = odd(a, name_a, 0), odd(b, name_b, 30)
for name in ["float32", "bfloat16", "float16"]:
    key = f"{name}~{name}.large"
    tensors_a[key], tensors_b[key] = (cast(x["weights"].repeat(LARGE), name) for x in (before, after))
save_file({key: t.clone() for key, t in tensors_a.items()}, out / "a.safetensors")
save_file({key: t.clone() for key, t in tensors_b.items()}, out / "b.safetensors")
facts = {key: {"statistics": statistics(a), "comparison": comparison(a, tensors_b[key])} for key, a in tensors_a.items()}
(out / "expected.json").write_text(json.dumps(facts))
