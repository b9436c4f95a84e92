"""make-run.py OUT [COUNT]: a run of Trainer checkpoints made from one, each as the Trainer would have saved it at its step: the
states of optimizer and scheduler, the arguments and the log agree. Needs torch and transformers. Weights are linked."""
import copy
import json
import os
import shutil
import sys

import torch

GOLDEN = os.path.join(os.path.dirname(__file__), "../test/golden/trainer-gpt2/data/checkpoint-30")
EVERY, LR = 30, 1e-3
out, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 300
last = EVERY * count

args = torch.load(f"{GOLDEN}/training_args.bin", weights_only=False)
args.max_steps, args.save_steps, args.logging_steps, args.learning_rate = last, EVERY, EVERY, LR
args.lr_scheduler_type, args.warmup_steps = type(args.lr_scheduler_type)("linear"), 0
optimizer = torch.load(f"{GOLDEN}/optimizer.pt", weights_only=True)
scheduler = torch.load(f"{GOLDEN}/scheduler.pt", weights_only=True)
state = json.load(open(f"{GOLDEN}/trainer_state.json"))
changing = ("optimizer.pt", "scheduler.pt", "trainer_state.json", "training_args.bin")

log, first = [], None
for i in range(1, count + 1):
    step, rate = i * EVERY, LR * (1 - i * EVERY / last)
    folder = f"{out}/checkpoint-{step}"
    os.makedirs(folder)
    # Links are made within one volume only: the first file is a copy.
    for name in set(os.listdir(GOLDEN)) - set(changing):
        shutil.copyfile(f"{GOLDEN}/{name}", f"{folder}/{name}") if first is None else os.link(f"{first}/{name}", f"{folder}/{name}")
    first = first or folder
    log.append({"epoch": i / count, "grad_norm": 1.0, "learning_rate": LR * (1 - (step - 1) / last), "loss": 4 - i / count, "step": step})
    told = {**state, "epoch": i / count, "global_step": step, "max_steps": last, "num_train_epochs": 1, "save_steps": EVERY,
            "logging_steps": EVERY, "log_history": log, "best_metric": None, "best_model_checkpoint": None, "best_global_step": None}
    json.dump(told, open(f"{folder}/trainer_state.json", "w"), indent=2)
    moments = copy.copy(optimizer)
    for group in moments["param_groups"]:
        group.update(lr=rate, initial_lr=LR)
    for each in moments["state"].values():
        each["step"] = torch.tensor(float(step))
    torch.save(moments, f"{folder}/optimizer.pt")
    rates = len(scheduler["base_lrs"])
    torch.save({**scheduler, "base_lrs": [LR] * rates, "last_epoch": step, "_step_count": step + 1, "_last_lr": [rate] * rates}, f"{folder}/scheduler.pt")
    torch.save(args, f"{folder}/training_args.bin")
