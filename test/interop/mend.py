"""mend.py make FOLDER: what repairs of whole files are tried on. FOLDER/tied: a small Llama whose head and embedding, which its config ties, were
saved apart and differ. FOLDER/bloat.pt: views saved with the megabytes they look at. FOLDER/{whole,stale,unindexed}: the Llama in shards; with an
index that is wrong; without one.
mend.py check FOLDER: compares what was made of them with what they were. Prints what differs, by case.
"""

import json
import os
import shutil
import sys

import torch
from transformers import LlamaConfig, LlamaForCausalLM

SMALL = dict(vocab_size=96, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2)


def llama(tied):
    torch.manual_seed(7)
    return LlamaForCausalLM(LlamaConfig(**SMALL, tie_word_embeddings=tied))


def make(folder):
    place = lambda *parts: os.path.join(folder, *parts)
    model = llama(True)
    os.makedirs(place("tied"))
    model.config.save_pretrained(place("tied"))
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state["lm_head.weight"] += 1
    torch.save(state, place("tied", "pytorch_model.bin"))

    storage = torch.arange(2**20, dtype=torch.float32)
    torch.save({"a": storage[:10], "same": storage[:10], "overlap": storage[5:15], "own": torch.ones(3)}, place("bloat.pt"))

    model = llama(False)
    model.save_pretrained(place("whole"), max_shard_size="20KB")
    index = "model.safetensors.index.json"
    for name in ("stale", "unindexed"):
        shutil.copytree(place("whole"), place(name))
    with open(place("stale", index)) as f:
        told = json.load(f)
    told["metadata"]["total_size"] = 1
    told["weight_map"]["model.ghost.weight"] = next(iter(told["weight_map"].values()))
    with open(place("stale", index), "w") as f:
        json.dump(told, f)
    os.remove(place("unindexed", index))


def unequal(found, wanted):
    return sorted({*found} ^ {*wanted}) + [k for k in found if k in wanted and not torch.equal(found[k], wanted[k])]


def check(folder):
    place = lambda *parts: os.path.join(folder, *parts)
    load = lambda *parts: torch.load(place(*parts), weights_only=True, mmap=True)
    found = {}
    before, after = load("tied", "pytorch_model.bin"), load("mended-tied", "pytorch_model.bin")
    before["lm_head.weight"] = before["model.embed_tokens.weight"]
    found["tied"] = unequal(after, before)
    if after["lm_head.weight"].data_ptr() != after["model.embed_tokens.weight"].data_ptr():
        found["tied"].append("not one tensor")

    before, after = load("bloat.pt"), load("mended-bloat.pt")
    found["bloat"] = unequal(after, before)
    if after["a"].data_ptr() != after["same"].data_ptr() or after["a"].untyped_storage().nbytes() != 40:
        found["bloat"].append("not one tensor of 40 bytes")

    whole = llama(False).state_dict()
    for name in ("stale", "unindexed", "resharded", "merged"):
        loaded, info = LlamaForCausalLM.from_pretrained(place(name), output_loading_info=True)
        found[name] = unequal(loaded.state_dict(), whole) + sorted(info["missing_keys"]) + sorted(info["unexpected_keys"])
    return found


match sys.argv[1:]:
    case ["make", folder]:
        make(folder)
    case ["check", folder]:
        json.dump(check(folder), sys.stdout)
