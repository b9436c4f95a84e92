"""pairs.py OUT: one small training saved in the ways that look different and are not, by torch and safetensors themselves."""
import pathlib
import sys

import torch
from safetensors.torch import save_model
from torch import nn
from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict

out = pathlib.Path(sys.argv[1])
torch.manual_seed(0)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.wte = nn.Embedding(32, 16)
        self.body = nn.Sequential(nn.Linear(16, 24), nn.LayerNorm(24), nn.Linear(24, 16))
        self.head = nn.Linear(16, 32, bias=False)
        self.head.weight = self.wte.weight

    def forward(self, tokens):
        return self.head(self.body(self.wte(tokens)))


model = Tied()
matrices = [p for p in model.parameters() if p.dim() > 1]
others = [p for p in model.parameters() if p.dim() == 1]
optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}])


def train(steps):
    for _ in range(steps):
        tokens = torch.randint(32, (8,))
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(tokens), tokens.flip(0)).backward()
        optimizer.step()


def renamed(name):
    return name.replace("wte", "embed").replace("body", "layers.mlp").replace("head", "lm_head")


train(3)
torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, out / "position.pt")
torch.save({"model": model.state_dict(), "optimizer": get_optimizer_state_dict(model, optimizer)}, out / "name.pt")
torch.save(model.state_dict(), out / "tied.pt")
save_model(model, str(out / "tied.safetensors"))
torch.save({name: value.flatten() for name, value in model.state_dict().items()}, out / "flat.pt")
train(5)
torch.save({renamed(name): value for name, value in model.state_dict().items()}, out / "renamed.pt")
