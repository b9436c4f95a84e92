"""Cases producer-*: training dicts with the keys that programs give them. torch writes them; the programs themselves did not run.
Keys follow the sources named in src/core/checkpoint/layouts/producers.ts."""
import argparse, collections, copy, random
import numpy as np, torch
from common import data, have, seed, tensors, truth, versions

P = {**versions("torch"), "note": "keys by hand"}


class DetectionModel(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))
        self.names = {0: "thing"}


seed()
net = DetectionModel()
optimizer = torch.optim.AdamW(net.parameters(), 1e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2)
for _ in range(3):
    net.model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    scheduler.step()
weights, moments, rates = net.state_dict(), optimizer.state_dict(), scheduler.state_dict()
ema = {k: v * 0.5 for k, v in weights.items()}
scaler = {"scale": 65536.0, "growth_factor": 2.0, "backoff_factor": 0.5, "growth_interval": 2000, "_growth_tracker": 3}


def case(name, what, obj, present, missing="rng", verdict="partial", findings=(), epoch=None, step=3, several=None, **extra):
    path = f"{data(f'producer-{name}')}/checkpoint.pt"
    torch.save(obj, path)
    comps = have(present, **{k: "missing" for k in missing.split()})
    sd = weights if several is None else {f"{k}.{n}": t for k, part in several.items() for n, t in part.items()}
    truth(f"producer-{name}", what, P, "torch-training-dict", "data/checkpoint.pt", verdict, comps,
          [("rng-missing", "checkpoint.pt")] * ("rng" in missing) + list(findings), step=step, epoch=epoch, tens=tensors(sd), **extra)


unsafe = lambda name: [("needs-unsafe-load", name)]
case("nanogpt", "nanoGPT: no scheduler, the rate follows from iter_num", {"model": weights, "optimizer": moments, "model_args": {"n_layer": 2}, "iter_num": 3,
     "best_val_loss": torch.tensor(1.5), "config": {"learning_rate": 1e-3}}, "weights config optimizer trainer")
history = [{"criterion_name": "C", "optimizer_name": "FairseqAdam", "lr_scheduler_state": {"best": None}, "num_updates": n} for n in (2, 3)]
case("fairseq", "fairseq with an argparse.Namespace", {"args": argparse.Namespace(arch="transformer", lr=[1e-3]), "model": weights, "criterion": collections.OrderedDict(),
     "optimizer_history": history, "task_state": {}, "extra_state": {"train_iterator": {"version": 2, "epoch": 2, "iterations_in_epoch": 1}, "val_loss": 3.5},
     "last_optimizer_state": moments}, "weights config optimizer trainer", epoch=2, findings=unsafe("argparse.Namespace"))
case("ultralytics", "Ultralytics: whole modules, an EMA copy, a scaler", {"epoch": 2, "best_fitness": 0.5, "model": net, "ema": net, "updates": 30, "optimizer": moments, "scaler": scaler,
     "train_args": {"lr0": 0.01}, "train_metrics": {"fitness": 0.5}, "date": "2024", "version": "8.3"}, "weights config optimizer scaler trainer", epoch=2,
     several={"model": weights, "ema": weights}, findings=unsafe("__main__.DetectionModel"))
case("timm", "timm: EMA copy, native AMP", {"epoch": 2, "arch": "resnet18", "state_dict": weights, "optimizer": moments, "version": 2, "args": argparse.Namespace(lr=0.1),
     "amp_scaler": scaler, "state_dict_ema": ema, "metric": 71.2}, "weights config optimizer scaler trainer", epoch=2,
     several={"state_dict": weights, "state_dict_ema": ema}, findings=unsafe("argparse.Namespace"))
case("nnunet", "nnU-Net: a polynomial rate from current_epoch", {"network_weights": weights, "optimizer_state": moments, "grad_scaler_state": scaler,
     "logging": {"train_losses": [1.0, 0.5]}, "_best_ema": 0.5, "current_epoch": 2, "init_args": {"fold": 0}, "trainer_name": "nnUNetTrainer",
     "inference_allowed_mirroring_axes": (0, 1)}, "weights config optimizer scaler trainer", epoch=2)
case("detectron2", "Detectron2", {"model": weights, "optimizer": moments, "scheduler": rates, "iteration": 3}, "weights optimizer scheduler trainer")
case("mmengine", "MMEngine: counts in meta", {"meta": {"epoch": 2, "iter": 3, "cfg": "lr = 0.1", "seed": 1}, "state_dict": weights, "message_hub": {"log_scalars": {}},
     "optimizer": moments, "param_schedulers": [rates]}, "weights optimizer scheduler trainer", epoch=2)
case("composer", "Composer: everything under `state`, random states beside it", {"state": {"model": weights, "optimizers": {"AdamW": moments}, "schedulers": {"StepLR": rates},
     "run_name": "x", "callbacks": {}}, "rng": [{"python": random.getstate(), "numpy": np.random.get_state(), "torch": torch.get_rng_state(), "cuda": None}]},
     "weights optimizer scheduler rng", missing="", verdict="complete", findings=unsafe("numpy.ndarray"))
case("gan", "two networks, two optimizers", {"generator": weights, "discriminator": ema, "optim_g": moments, "optim_d": moments, "epoch": 3, "step": 3},
     "weights optimizer trainer", missing="scheduler rng", several={"generator": weights, "discriminator": ema}, epoch=3)
case("lightning-fp16", "Lightning with the MixedPrecision plugin's scaler and a data module", {"epoch": 2, "global_step": 3, "pytorch-lightning_version": "2.5.0",
     "state_dict": weights, "loops": {}, "callbacks": {}, "optimizer_states": [moments], "lr_schedulers": [rates], "MixedPrecision": scaler, "hparams_name": "kwargs",
     "hyper_parameters": {"lr": 0.1}, "datamodule_hparams_name": "kwargs", "datamodule_hyper_parameters": {"batch_size": 2}},
     "weights config optimizer scheduler scaler trainer", epoch=2)
constant = copy.deepcopy(moments)
for group in constant["param_groups"]:
    del group["initial_lr"]
case("lightning-constant", "Lightning without a scheduler, of which it saves an empty list", {"epoch": 2, "global_step": 3, "pytorch-lightning_version": "2.6.6",
     "state_dict": weights, "loops": {}, "callbacks": {}, "optimizer_states": [constant], "lr_schedulers": []}, "weights optimizer trainer", epoch=2)
