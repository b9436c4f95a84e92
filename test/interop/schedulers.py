"""schedulers.py make FOLDER: trains with Accelerate under every kind of scheduler, saved at steps 20 and 35, and with the Trainer
under ReduceLROnPlateau, saved every 2 steps. FOLDER/KIND/checkpoint_20, checkpoint_35; FOLDER/KIND-dict/ckpt_20.pt, ckpt_35.pt; FOLDER/trainer/checkpoint-2 ...
schedulers.py rates FOLDER NAME: loads FOLDER/KIND/NAME of every kind; prints the rates of the next five steps, of every group.
schedulers.py dicts FOLDER NAME: the same of FOLDER/KIND-dict/NAME. schedulers.py strip FOLDER NAME KEY...: takes keys out of those.
schedulers.py draws FILE...: the first draws after loading each random state.
schedulers.py trained CHECKPOINT...: resumes each with the Trainer; prints rates and losses from there to the end.
"""

import json
import os
import random
import sys
import tempfile
import warnings

os.environ["TOKENIZERS_PARALLELISM"] = "false"
warnings.simplefilter("ignore")

import numpy
import torch
import transformers
from accelerate import Accelerator
from progress import Progress
from torch.optim import lr_scheduler as S
from transformers.trainer_pt_utils import safe_globals

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
SAVED, AFTER = (20, 35), 5
KINDS = {
    "sequential": lambda o: S.SequentialLR(o, [S.LinearLR(o, 0.1, 1.0, 10), S.CosineAnnealingLR(o, 20), S.ExponentialLR(o, 0.9)], [10, 30]),
    "restarts-after-warmup": lambda o: S.SequentialLR(o, [S.ConstantLR(o, 0.5, 25), S.CosineAnnealingWarmRestarts(o, 4, 2)], [25]),
    "chained": lambda o: S.ChainedScheduler([S.ConstantLR(o, 0.1, 25), S.ExponentialLR(o, 0.95)]),
    "restarts": lambda o: S.CosineAnnealingWarmRestarts(o, 6, 2, eta_min=1e-4),
    "one-cycle": lambda o: S.OneCycleLR(o, max_lr=[0.1, 0.05], total_steps=60),
    "cyclic": lambda o: S.CyclicLR(o, base_lr=[1e-3, 2e-3], max_lr=[1e-2, 2e-2], step_size_up=7, cycle_momentum=False),
    "steps": lambda o: S.MultiStepLR(o, [12, 30, 37], gamma=0.3),
    **{
        f"hf-{name}": lambda o, name=name: transformers.get_scheduler(name, o, 8, 60)
        for name in ("linear", "cosine", "cosine_with_restarts", "polynomial", "inverse_sqrt", "constant_with_warmup")
    },
}


def made(kind):
    torch.manual_seed(3)
    model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 4))
    groups = [{"params": [p for p in model.parameters() if p.dim() > 1]}, {"params": [p for p in model.parameters() if p.dim() == 1], "lr": 2e-2}]
    optimizer = torch.optim.AdamW(groups, lr=1e-2)
    return model, optimizer, KINDS[kind](optimizer)


def rates_of(optimizer):
    return [group["lr"] for group in optimizer.param_groups]


def step(model, optimizer, scheduler, at):
    data = torch.Generator().manual_seed(at)
    loss = (model(torch.randn(16, 8, generator=data)) - torch.randn(16, 4, generator=data)).square().mean()
    loss.backward()
    optimizer.step()
    scheduler.step()
    optimizer.zero_grad()


def run(kind, folder):
    accelerator = Accelerator(cpu=True)
    model, optimizer, scheduler = made(kind)
    parts = accelerator.prepare(model, optimizer, scheduler)
    progress = Progress()
    accelerator.register_for_checkpointing(progress)
    told = []
    for at in range(1, SAVED[-1] + AFTER + 1):
        if at > SAVED[-1]:
            told.append(rates_of(optimizer))
        step(*parts, at)
        progress.step = at
        if at in SAVED:
            accelerator.save_state(os.path.join(folder, f"checkpoint_{at}"))
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict(),
                     "step": at, "torch_rng_state": torch.get_rng_state(), "note": "mine"}
            os.makedirs(f"{folder}-dict", exist_ok=True)
            torch.save(state, os.path.join(f"{folder}-dict", f"ckpt_{at}.pt"))
    return told


def rates(kind, path):
    model, optimizer, scheduler = made(kind)
    if path.endswith(".pt"):
        state = torch.load(path, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        scheduler.load_state_dict(state["scheduler"])
        torch.set_rng_state(state["torch_rng_state"])
        assert state["step"] == SAVED[-1] and state["note"] == "mine"
    else:
        accelerator = Accelerator(cpu=True)
        model, optimizer, scheduler = accelerator.prepare(model, optimizer, scheduler)
        progress = Progress()
        accelerator.register_for_checkpointing(progress)
        accelerator.load_state(path)
        assert progress.step == SAVED[-1]
    told = []
    for at in range(SAVED[-1] + 1, SAVED[-1] + AFTER + 1):
        told.append(rates_of(optimizer))
        step(model, optimizer, scheduler, at)
    return told


def draws(path):
    """What each generator gives first after loading the random states of a process as the Trainer and Accelerate load them."""
    with safe_globals():
        state = torch.load(path, weights_only=True)
    random.setstate(state["python"] if "python" in state else state["random_state"])
    numpy.random.set_state(state["numpy"] if "numpy" in state else state["numpy_random_seed"])
    torch.set_rng_state(state["cpu"] if "cpu" in state else state["torch_manual_seed"])
    return [random.random(), numpy.random.rand(), torch.rand(1).item()]


class Words(torch.utils.data.Dataset):
    def __len__(self):
        return 64

    def __getitem__(self, at):
        ids = torch.randint(32, (12,), generator=torch.Generator().manual_seed(at))
        return {"input_ids": ids, "labels": ids}


def trainer(folder):
    transformers.set_seed(5)
    config = transformers.GPT2Config(vocab_size=32, n_positions=16, n_embd=16, n_layer=2, n_head=2)
    args = transformers.TrainingArguments(
        output_dir=folder, max_steps=14, per_device_train_batch_size=4, learning_rate=5e-3, lr_scheduler_type="reduce_lr_on_plateau",
        lr_scheduler_kwargs={"patience": 1, "factor": 0.5, "threshold": 0.2}, logging_steps=1, save_strategy="steps", save_steps=2,
        eval_strategy="steps", eval_steps=1, report_to=[], use_cpu=True, disable_tqdm=True, seed=5, metric_for_best_model="loss",
    )
    return transformers.Trainer(model=transformers.GPT2LMHeadModel(config), args=args, train_dataset=Words(), eval_dataset=torch.utils.data.Subset(Words(), range(8)))


def logged(run):
    return [[entry["step"], entry["learning_rate"], entry["loss"]] for entry in run.state.log_history if "loss" in entry]


def trained(path):
    with tempfile.TemporaryDirectory() as folder:
        run = trainer(folder)
        run.train(resume_from_checkpoint=path)
        return logged(run)


result = None
real, sys.stdout = sys.stdout, sys.stderr
match sys.argv[1:]:
    case ["make", folder]:
        result = {"rates": {kind: run(kind, os.path.join(folder, kind)) for kind in KINDS}}
        own = trainer(os.path.join(folder, "trainer"))
        own.train()
        result["trainer"] = logged(own)
    case ["rates", folder, name]:
        result = {kind: rates(kind, os.path.join(folder, kind, name)) for kind in KINDS}
    case ["dicts", folder, name]:
        result = {kind: rates(kind, os.path.join(folder, f"{kind}-dict", name)) for kind in KINDS}
    case ["strip", folder, name, *keys]:
        for kind in KINDS:
            path = os.path.join(folder, f"{kind}-dict", name)
            state = torch.load(path, weights_only=True)
            torch.save({key: value for key, value in state.items() if key not in keys}, path)
    case ["draws", *paths]:
        result = [draws(path) for path in paths]
    case ["trained", *paths]:
        result = [trained(path) for path in paths]
json.dump(result, real)
