"""Writes trainer-gpt2.json: checkpoint-30 against checkpoint-20 of golden/trainer-gpt2, measured by NumPy in float64."""
import json
import pathlib

import numpy as np
from safetensors.numpy import load_file

here = pathlib.Path(__file__).parent
run = here.parents[1] / "golden/trainer-gpt2/data"
a, b = (load_file(run / f"checkpoint-{step}/model.safetensors") for step in (20, 30))


def compare(x, y):
    x, y = x.astype(np.float64).ravel(), y.astype(np.float64).ravel()
    d = y - x
    return {
        "count": x.size,
        "changed": int((d != 0).sum()),
        "maxAbs": float(np.abs(d).max()),
        "meanAbs": float(np.abs(d).mean()),
        "rms": float(np.sqrt((d * d).mean())),
        "relL2": float(np.linalg.norm(d) / np.linalg.norm(x)) if x.any() else None,
        "cosine": float(x @ y / np.linalg.norm(x) / np.linalg.norm(y)) if x.any() and y.any() else None,
    }


assert a.keys() == b.keys() and all(np.isfinite(v).all() for v in [*a.values(), *b.values()])
rows = {name: compare(a[name], b[name]) for name in sorted(a)}
(here / "trainer-gpt2.json").write_text(json.dumps(rows, indent=2) + "\n")
