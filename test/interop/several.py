"""several.py make FOLDER: trains two models with Accelerate, each with its optimizer and scheduler, 10 steps, saved at 3 and 5.

Prints the losses of steps 6 to 10. several.py resume CHECKPOINT...: loads each and trains on to step 10; prints the losses.
"""

import json
import os
import sys

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from progress import Progress

STEPS, SAVED = 10, (3, 5)


def train(folder=None, path=None):
    accelerator = Accelerator(cpu=True)
    set_seed(11)
    maker = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.Dropout(0.2), torch.nn.Linear(16, 8))
    judge = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
    first = torch.optim.AdamW(maker.parameters(), lr=1e-2)
    second = torch.optim.Adam(judge.parameters(), lr=2e-3, betas=(0.5, 0.9))
    # The second alone is stepped by the scheduler without a number.
    falling = torch.optim.lr_scheduler.ExponentialLR(second, 0.9)
    halved = torch.optim.lr_scheduler.StepLR(first, 4, 0.5)
    maker, judge, first, second, falling, halved = accelerator.prepare(maker, judge, first, second, falling, halved)
    progress = Progress()
    accelerator.register_for_checkpointing(progress)
    if path:
        accelerator.load_state(path)
    losses = []
    while progress.step < STEPS:
        progress.step += 1
        made = maker(torch.randn(8, 4, generator=torch.Generator().manual_seed(progress.step)))
        loss = (judge(made) - 1).square().mean() + made.square().mean()
        accelerator.backward(loss)
        for each in (first, second, falling, halved):
            each.step()
        first.zero_grad()
        second.zero_grad()
        losses.append(loss.item())
        if folder and progress.step in SAVED:
            accelerator.save_state(os.path.join(folder, f"checkpoint_{progress.step}"))
    return losses


match sys.argv[1:]:
    case ["make", folder]:
        result = train(folder)[SAVED[-1]:]
    case ["resume", *paths]:
        result = [train(path=path) for path in paths]
json.dump(result, sys.stdout)
