"""sources.py make FOLDER: checkpoints of models trained in 16 bits whose weights are spoilt, and whose values are still somewhere.

FOLDER/slots: model.safetensors in bfloat16 and training_state.pt, whose AdamW keeps each weight in float32 beside its moments (`master_param`,
as the FusedAdam of Transformer Engine and apex do). FOLDER/lists: one file with the masters in lists beside the optimizer
(`fp32_from_fp16_params`, as Megatron-LM does). Of either, one weight is full of NaN. FOLDER/sharded: a save of torch.distributed.checkpoint beside an
empty pytorch_model.bin. Prints the SHA-256 of every weight as it was, by folder.
sources.py load FILE...: prints the same of files, as torch or safetensors loads them.
"""

import collections
import hashlib
import json
import os
import sys

import safetensors.torch
import torch
import torch.distributed.checkpoint as dcp


def digests(state):
    return {
        name: hashlib.sha256(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()).hexdigest()
        for name, tensor in sorted(state.items())
    }


def trained(seed):
    """A model in bfloat16, its optimizer over float32 masters, and the masters: after each step the model is their rounding."""
    torch.manual_seed(seed)
    layers = collections.OrderedDict(up=torch.nn.Linear(12, 20), down=torch.nn.Linear(20, 6))
    net = torch.nn.Sequential(layers).to(torch.bfloat16)
    masters = [(name, p.detach().float().requires_grad_()) for name, p in net.named_parameters()]
    optimizer = torch.optim.AdamW(masters, lr=1e-2)
    for _ in range(4):
        net(torch.randn(8, 12, dtype=torch.bfloat16)).float().square().mean().backward()
        for (_, master), p in zip(masters, net.parameters()):
            master.grad = p.grad.float()
            p.grad = None
        optimizer.step()
        with torch.no_grad():
            for (_, master), p in zip(masters, net.parameters()):
                p.copy_(master)
    return net.state_dict(), optimizer.state_dict(), [master.detach() for _, master in masters]


def spoilt(weights):
    return {k: torch.full_like(v, float("nan")) if k == "up.weight" else v for k, v in weights.items()}


def make(folder):
    place = lambda *parts: os.path.join(folder, *parts)
    for name in ("slots", "lists", "sharded/pytorch_model_fsdp_0"):
        os.makedirs(place(name))
    truth = {}

    weights, optimizer, masters = trained(1)
    truth["slots"] = digests(weights)
    for state, master in zip(optimizer["state"].values(), masters):
        state["master_param"] = master
    safetensors.torch.save_file(spoilt(weights), place("slots", "model.safetensors"), metadata={"format": "pt"})
    torch.save({"optimizer": optimizer, "global_step": 4}, place("slots", "training_state.pt"))

    weights, optimizer, masters = trained(2)
    truth["lists"] = digests(weights)
    outer = {"optimizer": optimizer, "fp32_from_fp16_params": [masters]}
    torch.save({"model": spoilt(weights), "optimizer": outer, "iteration": 4}, place("lists", "training.pt"))

    weights, _, _ = trained(3)
    truth["sharded"] = digests(weights)
    dcp.save({"model": weights}, checkpoint_id=place("sharded/pytorch_model_fsdp_0"), no_dist=True)
    open(place("sharded", "pytorch_model.bin"), "wb").close()
    torch.save({"state": {}, "param_groups": []}, place("sharded", "optimizer.bin"))
    return truth


def load(path):
    if path.endswith(".safetensors"):
        return digests(safetensors.torch.load_file(path))
    state = torch.load(path, weights_only=True, mmap=True)
    return digests(state.get("model", state))


match sys.argv[1:]:
    case ["make", folder]:
        json.dump(make(folder), sys.stdout)
    case ["load", *paths]:
        json.dump([load(path) for path in paths], sys.stdout)
