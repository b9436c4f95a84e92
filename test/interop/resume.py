"""resume.py make FOLDER: trains a small model with Accelerate and one with the Trainer, 10 steps each, saved at 3 and 5.

FOLDER/accelerate/checkpoint_3, checkpoint_5; FOLDER/trainer/checkpoint-3, checkpoint-5; prints the losses of steps 6 to 10.
resume.py accelerate CHECKPOINT...: loads each and trains on to step 10; prints the losses. resume.py trainer CHECKPOINT...: the same.
resume.py flatten FILE: makes every weight of a safetensors file one-dimensional.

Both models have dropout, so that losses agree bit for bit only where the random states do.
"""

import json
import os
import sys
import tempfile

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import safetensors.torch
import torch
import transformers
from accelerate import Accelerator
from accelerate.utils import set_seed
from progress import Progress

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
torch.use_deterministic_algorithms(True)
STEPS, SAVED = 10, (3, 5)


def accelerated():
    accelerator = Accelerator(cpu=True)
    set_seed(11)
    model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Dropout(0.2), torch.nn.Linear(16, 4))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 4) * 0.95**step)
    progress = Progress()
    accelerator.register_for_checkpointing(progress)
    return accelerator, progress, *accelerator.prepare(model, optimizer, scheduler)


def steps(accelerator, progress, model, optimizer, scheduler, folder=None):
    losses = []
    while progress.step < STEPS:
        progress.step = step = progress.step + 1
        data = torch.Generator().manual_seed(step)
        loss = (model(torch.randn(16, 8, generator=data)) - torch.randn(16, 4, generator=data)).square().mean()
        accelerator.backward(loss)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        if folder and step in SAVED:
            accelerator.save_state(os.path.join(folder, f"checkpoint_{step}"))
    return losses


def accelerate(path):
    accelerator, *parts = accelerated()
    accelerator.load_state(path)
    return steps(accelerator, *parts)


class Words(torch.utils.data.Dataset):
    def __len__(self):
        return 64

    def __getitem__(self, at):
        ids = torch.randint(32, (12,), generator=torch.Generator().manual_seed(at))
        return {"input_ids": ids, "labels": ids}


class SaveAt(transformers.TrainerCallback):
    def on_step_end(self, args, state, control, **_):
        control.should_save = state.global_step in SAVED


def trainer(folder):
    transformers.set_seed(5)
    config = transformers.GPT2Config(vocab_size=32, n_positions=16, n_embd=16, n_layer=2, n_head=2)
    args = transformers.TrainingArguments(
        output_dir=folder, max_steps=STEPS, per_device_train_batch_size=4, learning_rate=5e-3, warmup_steps=2,
        lr_scheduler_type="cosine", logging_steps=1, save_strategy="no", report_to=[], use_cpu=True, disable_tqdm=True,
        seed=5, weight_decay=0.1,
    )
    return transformers.Trainer(
        model=transformers.GPT2LMHeadModel(config), args=args, train_dataset=Words(), callbacks=[SaveAt()]
    )


def logged(run):
    return [entry["loss"] for entry in run.state.log_history if "loss" in entry and entry["step"] > SAVED[-1]]


def trained(path):
    with tempfile.TemporaryDirectory() as folder:
        run = trainer(folder)
        run.train(resume_from_checkpoint=path)
        assert run.state.global_step == STEPS, run.state.global_step
        return logged(run)


def make(folder):
    run = trainer(os.path.join(folder, "trainer"))
    run.train()
    own = os.path.join(folder, "accelerate")
    losses = steps(*accelerated(), own)[SAVED[-1]:]
    return {"accelerate": losses, "trainer": logged(run)}


def flatten(path):
    tensors = safetensors.torch.load_file(path)
    safetensors.torch.save_file({name: each.flatten() for name, each in tensors.items()}, path, {"format": "pt"})


result = None
real, sys.stdout = sys.stdout, sys.stderr
match sys.argv[1:]:
    case ["make", folder]:
        result = make(folder)
    case ["accelerate", *paths]:
        result = [accelerate(path) for path in paths]
    case ["trainer", *paths]:
        result = [trained(path) for path in paths]
    case ["flatten", path]:
        flatten(path)
json.dump(result, real)
