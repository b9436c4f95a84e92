"""adapter.py make FOLDER: small models with LoRA adapters in them, each saved whole in FOLDER/<case>/full.pt and its adapter alone in
FOLDER/<case>/peft by PEFT; FOLDER/tied, a Llama whose config ties its head, saved with both.

adapter.py check FOLDER CASE...: what differs between FOLDER/<case>/extracted and what PEFT saved, loaded by PEFT into the base model.
"""

import json
import os
import sys

import safetensors.torch
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

SMALL = dict(vocab_size=96, hidden_size=48, intermediate_size=80, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2)
CASES = {
    "linear": ("llama", dict(r=8, lora_alpha=12, target_modules=["q_proj", "v_proj"])),
    "ranks": ("llama", dict(r=8, lora_alpha=12, target_modules=["q_proj", "v_proj"], rank_pattern={"layers.1.self_attn.v_proj": 3})),
    "head": ("llama", dict(r=4, lora_alpha=12, target_modules=["o_proj"], modules_to_save=["lm_head"])),
    "dora": ("llama", dict(r=4, lora_alpha=12, use_dora=True, target_modules=["down_proj"])),
    "conv1d": ("gpt2", dict(r=4, lora_alpha=12, fan_in_fan_out=True, lora_bias=True, target_modules=["c_attn"])),
}


def base(kind):
    torch.manual_seed(11)
    if kind == "llama":
        return LlamaForCausalLM(LlamaConfig(**SMALL)).eval()
    return GPT2LMHeadModel(GPT2Config(vocab_size=96, n_positions=32, n_embd=48, n_layer=2, n_head=4)).eval()


def make(folder):
    for name, (kind, options) in CASES.items():
        peft = get_peft_model(base(kind), LoraConfig(**options))
        with torch.no_grad():
            for parameter in peft.parameters():
                if parameter.requires_grad:
                    parameter.add_(torch.randn_like(parameter) * 0.05)
        peft.save_pretrained(os.path.join(folder, name, "peft"))
        torch.save(peft.state_dict(), os.path.join(folder, name, "full.pt"))
    model = LlamaForCausalLM(LlamaConfig(**SMALL, tie_word_embeddings=True))
    os.makedirs(os.path.join(folder, "tied"))
    model.config.save_pretrained(os.path.join(folder, "tied"))
    state = {key: value.clone() for key, value in model.state_dict().items()}
    safetensors.torch.save_file(state, os.path.join(folder, "tied", "model.safetensors"), metadata={"format": "pt"})


def check(folder, case):
    if case == "tied":
        one = torch.load(os.path.join(folder, "tied.bin"), weights_only=True)
        found = [] if one["lm_head.weight"].data_ptr() == one["model.embed_tokens.weight"].data_ptr() else ["not one"]
        whole = safetensors.torch.load_file(os.path.join(folder, "tied", "model.safetensors"))
        found += [key for key in whole if not torch.equal(one[key], whole[key])]
        left = safetensors.torch.load_file(os.path.join(folder, "tied.safetensors"))
        return found + sorted({*whole} ^ {*left, "lm_head.weight"}) + (["head"] if "lm_head.weight" in left else [])
    ours = safetensors.torch.load_file(os.path.join(folder, case, "extracted", "adapter_model.safetensors"))
    theirs = safetensors.torch.load_file(os.path.join(folder, case, "peft", "adapter_model.safetensors"))
    found = sorted({*ours} ^ {*theirs}) + [key for key in ours if key in theirs and not torch.equal(ours[key], theirs[key])]
    ids = torch.arange(12).reshape(1, 12)
    answers = []
    for which in ("extracted", "peft"):
        with torch.no_grad():
            model = PeftModel.from_pretrained(base(CASES[case][0]), os.path.join(folder, case, which)).eval()
            answers.append(model(ids).logits)
    return found + ([] if torch.equal(*answers) else ["the answers of the model"])


match sys.argv[1:]:
    case ["make", folder]:
        make(folder)
    case ["check", folder, *cases]:
        json.dump({case: check(folder, case) for case in cases}, sys.stdout)
