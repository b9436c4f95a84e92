"""blocked-numpy.py stats A | diff A B: what a careful NumPy script does with float32 values, a MiB at a time."""
import os
import sys

# dot products of a MiB are no work for many threads
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

BLOCK = 2**18
HEADER = np.dtype("<u8")


def values(path):
    header = int(np.fromfile(path, HEADER, 1)[0])
    return np.memmap(path, np.float32, "r", 8 + header)


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


what, *paths = sys.argv[1:]
print(*(stats if what == "stats" else diff)(*map(values, paths)))
