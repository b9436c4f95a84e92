"""Two critics of the same shapes, each with an optimizer, in one file: makes a run of them, and tells what a repair took from where."""

import json
import sys
from pathlib import Path

import torch


def make(run):
    torch.manual_seed(0)
    critics = {name: torch.nn.Linear(8, 8) for name in ("q1", "q2")}
    optimizers = {name: torch.optim.Adam(critic.parameters(), lr=1e-3) for name, critic in critics.items()}
    for step in range(1, 21):
        for name, critic in critics.items():
            optimizers[name].zero_grad()
            critic(torch.randn(4, 8)).square().sum().backward()
            optimizers[name].step()
        if step % 10 == 0:
            saved = {"global_step": step}
            for name, critic in critics.items():
                saved[name] = critic.state_dict()
                saved[f"{name}_optimizer"] = optimizers[name].state_dict()
            if step == 20:
                saved["q2_optimizer"]["state"][0]["exp_avg_sq"].fill_(float("nan"))
            folder = Path(run) / f"checkpoint-{step}"
            folder.mkdir(parents=True)
            torch.save(saved, folder / "checkpoint.pt")


def check(run, mended):
    earlier = torch.load(Path(run) / "checkpoint-10" / "checkpoint.pt", weights_only=True)
    found = torch.load(Path(mended) / "checkpoint.pt", weights_only=True)["q2_optimizer"]["state"][0]["exp_avg_sq"]
    return [name for name in ("q1", "q2") if torch.equal(found, earlier[f"{name}_optimizer"]["state"][0]["exp_avg_sq"])]


command, *paths = sys.argv[1:]
print(json.dumps({"make": make, "check": check}[command](*paths)))
