"""blocked-numpy.py stats|torch-stats DTYPE A | diff|torch-diff DTYPE A B: what a careful script does, a MiB at a time."""
import os
import sys

# dot products of a MiB are no work for many threads
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np

BLOCK = 2**18
HEADER = np.dtype("<u8")
DTYPES = {"F32": np.float32, "F16": np.float16, "BF16": np.uint16}


def values(path, dtype):
    header = int(np.fromfile(path, HEADER, 1)[0])
    return np.memmap(path, DTYPES[dtype], "r", 8 + header)


def blocks(a):
    for at in range(0, len(a), BLOCK):
        yield np.asarray(a[at:at + BLOCK])


def stats(a):
    low, high, total, squares, zeros, nan, inf, n = np.inf, -np.inf, 0.0, 0.0, 0, 0, 0, 0
    for x in blocks(a):
        finite = np.isfinite(x)
        nan += np.isnan(x).sum()
        inf += np.isinf(x).sum()
        x = x[finite].astype(np.float64)
        zeros += (x == 0).sum()
        low, high = min(low, x.min()), max(high, x.max())
        total += x.sum()
        squares += x @ x
        n += len(x)
    return low, high, total / n, np.sqrt(squares / n - (total / n) ** 2), np.sqrt(squares), zeros, nan, inf


def diff(a, b):
    changed, largest, total, squares, aa, bb, ab = 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for x, y in zip(blocks(a), blocks(b)):
        changed += (x != y).sum()
        both = np.isfinite(x) & np.isfinite(y)
        x, y = x[both].astype(np.float64), y[both].astype(np.float64)
        d = y - x
        largest = max(largest, np.abs(d).max())
        total += np.abs(d).sum()
        squares, aa, bb, ab = squares + d @ d, aa + x @ x, bb + y @ y, ab + x @ y
    return changed, largest, total / len(a), np.sqrt(squares / len(a)), np.sqrt(squares / aa), ab / np.sqrt(aa * bb)


def torch_blocks(a, dtype):
    import torch

    torch.set_num_threads(1)
    kind = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}[dtype]
    for x in blocks(a):
        yield torch.from_numpy(x.view(np.uint8).copy()).view(kind)


def torch_stats(a, dtype):
    low, high, total, squares, zeros, odd, n = np.inf, -np.inf, 0.0, 0.0, 0, 0, 0
    for x in torch_blocks(a, dtype):
        finite = x.isfinite()
        odd += int((~finite).sum())
        x = x[finite].double()
        zeros += int((x == 0).sum())
        low, high = min(low, float(x.min())), max(high, float(x.max()))
        total += float(x.sum())
        squares += float(x @ x)
        n += len(x)
    return low, high, total / n, np.sqrt(squares / n - (total / n) ** 2), np.sqrt(squares), zeros, odd


def torch_diff(a, b, dtype):
    changed, largest, total, squares, aa, bb, ab = 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for x, y in zip(torch_blocks(a, dtype), torch_blocks(b, dtype)):
        changed += int((x != y).sum())
        both = x.isfinite() & y.isfinite()
        x, y = x[both].double(), y[both].double()
        d = y - x
        largest = max(largest, float(d.abs().max()))
        total += float(d.abs().sum())
        squares, aa, bb, ab = squares + float(d @ d), aa + float(x @ x), bb + float(y @ y), ab + float(x @ y)
    return changed, largest, total / len(a), np.sqrt(squares / len(a)), np.sqrt(squares / aa), ab / np.sqrt(aa * bb)


what, dtype, *paths = sys.argv[1:]
opened = [values(path, dtype) for path in paths]
if what.startswith("torch-"):
    print(*(torch_stats if what == "torch-stats" else torch_diff)(*opened, dtype))
else:
    print(*(stats if what == "stats" else diff)(*opened))
