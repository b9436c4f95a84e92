"""pretrained.py WEIGHTS REFERENCE: loads sharded weights with transformers and compares them with another checkpoint.

WEIGHTS is a folder of shards with an index; REFERENCE a whole checkpoint of the same model.
"""

import json
import os
import sys

import torch
import transformers

weights, reference = sys.argv[1:]
model, info = transformers.AutoModelForCausalLM.from_pretrained(weights, output_loading_info=True)
other = transformers.AutoModelForCausalLM.from_pretrained(reference)
state = other.state_dict()
different = [name for name, tensor in model.state_dict().items() if not torch.equal(tensor, state[name].to(tensor.dtype))]
facts = {
    "files": sorted(name for name in os.listdir(weights) if name.endswith(".safetensors")),
    "missing": sorted(info["missing_keys"]),
    "unexpected": sorted(info["unexpected_keys"]),
    "different": different,
    "dtype": str(model.dtype),
}
json.dump(facts, sys.stdout)
