"""Makes the sample run that the window opens when it is given nothing.

    python resources/sample/make.py test/golden/trainer-gpt2/data resources/sample/tiny-gpt2

A real Transformers run (GPT-2 of 2 layers, 30 steps, saved every 10). checkpoint-10 and checkpoint-20 are as the Trainer
left them. checkpoint-30 is damaged the way people meet it: four weights saved one-dimensional, one saved without its values,
and no scheduler state. checkpoint-20 is the reference that mends it.
"""
import pathlib, shutil, sys

import torch
from safetensors.torch import load_file, save_file

source, target = map(pathlib.Path, sys.argv[1:3])
shutil.rmtree(target, ignore_errors=True)
shutil.copytree(source, target)

broken = target / "checkpoint-30"
weights = load_file(broken / "model.safetensors")
for name in ("transformer.wte.weight", "transformer.h.0.attn.c_attn.weight", "transformer.h.0.mlp.c_fc.weight", "transformer.h.1.mlp.c_proj.weight"):
    weights[name] = weights[name].reshape(-1).clone()
weights["transformer.h.1.attn.c_proj.weight"] = torch.zeros(0)
save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
(broken / "scheduler.pt").unlink()
