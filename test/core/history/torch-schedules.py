"""Writes torch-schedules.json: what torch 2.13 keeps of each scheduler, and the rates it sets, at every step.

python test/core/history/torch-schedules.py > test/core/history/torch-schedules.json
"""

import json
import warnings
from collections import Counter

import torch
from torch.optim import lr_scheduler as s
from torch.optim.swa_utils import SWALR

warnings.filterwarnings("ignore")
STEPS, SAVED = 60, 23
BASE = 0.01


def plain(value):
    if isinstance(value, Counter):
        return {"collections.Counter": [{str(k): n for k, n in value.items()}]}
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value if isinstance(value, (int, float, str, bool, type(None))) else str(value)


def sequence(*parts, at):
    return lambda o: s.SequentialLR(o, [part(o) for part in parts], at)


def chain(*parts):
    return lambda o: s.ChainedScheduler([part(o) for part in parts], optimizer=o)


CASES = {
    "StepLR": lambda o: s.StepLR(o, 7, 0.3),
    "MultiStepLR, one milestone twice": lambda o: s.MultiStepLR(o, [5, 20, 20, 40], 0.5),
    "ConstantLR": lambda o: s.ConstantLR(o, 0.25, 30),
    "LinearLR": lambda o: s.LinearLR(o, 0.1, 0.9, 37),
    "ExponentialLR": lambda o: s.ExponentialLR(o, 0.93),
    "CosineAnnealingLR, beyond its end": lambda o: s.CosineAnnealingLR(o, 17, 1e-3),
    "CosineAnnealingWarmRestarts": lambda o: s.CosineAnnealingWarmRestarts(o, 9, 1, 1e-4),
    "CosineAnnealingWarmRestarts, growing": lambda o: s.CosineAnnealingWarmRestarts(o, 4, 2, 1e-4),
    "CosineAnnealingWarmRestarts, growing by three": lambda o: s.CosineAnnealingWarmRestarts(o, 3, 3),
    "PolynomialLR": lambda o: s.PolynomialLR(o, 45, 2.5),
    "OneCycleLR": lambda o: s.OneCycleLR(o, 0.1, total_steps=60),
    "OneCycleLR, linear": lambda o: s.OneCycleLR(o, 0.1, total_steps=70, anneal_strategy="linear", pct_start=0.2),
    "OneCycleLR, three phases": lambda o: s.OneCycleLR(o, 0.1, total_steps=66, three_phase=True),
    "CyclicLR": lambda o: s.CyclicLR(o, 0.001, 0.01, 6, 9),
    "CyclicLR, halving": lambda o: s.CyclicLR(o, 0.001, 0.01, 8, mode="triangular2"),
    "CyclicLR, fading": lambda o: s.CyclicLR(o, 0.001, 0.01, 8, mode="exp_range", gamma=0.98),
    "SequentialLR": sequence(
        lambda o: s.LinearLR(o, 0.1, 1, 8), lambda o: s.CosineAnnealingLR(o, 50, 1e-5), at=[8]
    ),
    "SequentialLR of three": sequence(
        lambda o: s.LinearLR(o, 0.1, 1, 8),
        lambda o: s.ConstantLR(o, 1.0, 1),
        lambda o: s.PolynomialLR(o, 30, 1.0),
        at=[8, 30],
    ),
    "SequentialLR of a restarting one": sequence(
        lambda o: s.LinearLR(o, 0.1, 1, 8), lambda o: s.CosineAnnealingWarmRestarts(o, 10, 2), at=[8]
    ),
    "SequentialLR of a stepped one": sequence(
        lambda o: s.ConstantLR(o, 0.1, 10), lambda o: s.MultiStepLR(o, [10, 20], 0.1), at=[10]
    ),
    "ChainedScheduler": chain(lambda o: s.ConstantLR(o, 0.1, 10), lambda o: s.ExponentialLR(o, 0.98)),
    "ChainedScheduler with a cosine": chain(
        lambda o: s.LinearLR(o, 0.1, 1, 10), lambda o: s.CosineAnnealingLR(o, 40, 1e-4)
    ),
    "ChainedScheduler, cosine first": chain(
        lambda o: s.CosineAnnealingLR(o, 25, 1e-4), lambda o: s.StepLR(o, 10, 0.5)
    ),
    "ChainedScheduler down to zero": chain(lambda o: s.PolynomialLR(o, 30, 1.0), lambda o: s.ExponentialLR(o, 0.99)),
    "SWALR": lambda o: SWALR(o, 0.05, 40),
    "SWALR, linear": lambda o: SWALR(o, 0.002, 30, "linear"),
    "SWALR at its end": lambda o: SWALR(o, 0.05, 10),
    "SWALR at once": lambda o: SWALR(o, 0.05, 0),
}

cases = []
for name, build in CASES.items():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(2))], BASE, momentum=0.9)
    scheduler = build(optimizer)
    rates, saved = [], None
    for t in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        if t == SAVED:
            group = {k: v for k, v in optimizer.param_groups[0].items() if k != "params"}
            saved = {"state": plain(scheduler.state_dict()), "group": plain(group)}
        optimizer.step()
        if t + 1 < STEPS:
            scheduler.step()
    cases.append({"name": name, **saved, "rates": rates})
print(json.dumps({"torch": torch.__version__, "saved": SAVED, "cases": cases}, separators=(",", ":")))
