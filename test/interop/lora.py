"""lora.py make FOLDER: small models and LoRA adapters, each in FOLDER/<case>/base and /adapter, and what PEFT merges them to.

lora.py compare FOLDER CASE...: for each case, how merged/ (written by Assay) differs from PEFT's own merge: tensors, tensors that
are not bit-equal, the largest difference in units of the last place of the larger value.
"""

import json
import os
import sys

import safetensors.torch
import torch
from peft import LoraConfig, get_peft_model
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

LLAMA = dict(vocab_size=96, hidden_size=48, intermediate_size=80, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2)
CASES = {
    "plain": ("llama", torch.float32, dict(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj", "down_proj"])),
    "rslora": ("llama", torch.float32, dict(r=6, lora_alpha=10, use_rslora=True, target_modules=["k_proj"])),
    "patterns": ("llama", torch.float32, dict(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"], rank_pattern={"v_proj": 2},
                                              alpha_pattern={"layers.1.self_attn.q_proj": 3})),
    "conv1d": ("gpt2", torch.float32, dict(r=4, lora_alpha=8, fan_in_fan_out=True, target_modules=["c_attn", "c_proj"])),
    "embedding": ("gpt2", torch.float32, dict(r=4, lora_alpha=8, fan_in_fan_out=True, target_modules=["wte", "c_fc"])),
    "saved": ("llama", torch.float32, dict(r=4, lora_alpha=8, target_modules=["q_proj"], modules_to_save=["lm_head"])),
    "bias": ("llama", torch.float32, dict(r=4, lora_alpha=8, target_modules=["o_proj"], lora_bias=False)),
    "bfloat16": ("llama", torch.bfloat16, dict(r=8, lora_alpha=16, target_modules=["q_proj", "up_proj"])),
    "float16": ("llama", torch.float16, dict(r=8, lora_alpha=16, target_modules=["q_proj"])),
    "biases": ("gpt2", torch.float32, dict(r=4, lora_alpha=8, fan_in_fan_out=True, lora_bias=True, target_modules=["c_attn"])),
    "all biases": ("gpt2", torch.float32, dict(r=4, lora_alpha=8, fan_in_fan_out=True, bias="all", target_modules=["c_attn"])),
    "convolutions": ("conv", torch.float32, dict(r=4, lora_alpha=8, target_modules=["narrow", "wide", "line"])),
    "convolution biases": ("conv", torch.float32, dict(r=4, lora_alpha=8, lora_bias=True, target_modules=["wide"])),
    "half convolutions": ("conv", torch.bfloat16, dict(r=4, lora_alpha=8, target_modules=["narrow", "wide"])),
    "dora convolutions": ("conv", torch.float32, dict(r=4, lora_alpha=8, use_dora=True, target_modules=["narrow", "wide", "line"])),
    "dora conv1d": ("gpt2", torch.float32, dict(r=4, lora_alpha=8, use_dora=True, fan_in_fan_out=True, target_modules=["c_attn", "c_fc"])),
    "dora embedding": ("gpt2", torch.float32, dict(r=4, lora_alpha=8, use_dora=True, fan_in_fan_out=True, target_modules=["wte"])),
    "dora patterns": ("llama", torch.float32, dict(r=4, lora_alpha=8, use_dora=True, use_rslora=True, target_modules=["q_proj", "v_proj"],
                                                  rank_pattern={"v_proj": 2}, alpha_pattern={"layers.1.self_attn.q_proj": 3})),
    "dora bfloat16": ("llama", torch.bfloat16, dict(r=4, lora_alpha=8, use_dora=True, target_modules=["q_proj"])),
    "grouped": ("conv", torch.float32, dict(r=4, lora_alpha=8, target_modules=["grouped"])),
    "dora": ("llama", torch.float32, dict(r=4, lora_alpha=8, use_dora=True, target_modules=["q_proj"])),
}


class Convolutions(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.narrow = torch.nn.Conv2d(6, 10, 1)
        self.wide = torch.nn.Conv2d(10, 8, (3, 5), padding=1)
        self.line = torch.nn.Conv1d(8, 4, 3)
        self.grouped = torch.nn.Conv2d(8, 8, 3, groups=4)


def make(folder):
    torch.manual_seed(11)
    for name, (kind, dtype, options) in CASES.items():
        if kind == "llama":
            model = LlamaForCausalLM(LlamaConfig(**LLAMA))
        elif kind == "conv":
            model = Convolutions()
        else:
            model = GPT2LMHeadModel(GPT2Config(vocab_size=96, n_positions=32, n_embd=48, n_layer=2, n_head=4))
        model = model.to(dtype)
        if kind == "conv":
            os.makedirs(os.path.join(folder, name, "base"))
            safetensors.torch.save_file(model.state_dict(), os.path.join(folder, name, "base", "model.safetensors"))
        else:
            model.save_pretrained(os.path.join(folder, name, "base"))
        peft = get_peft_model(model, LoraConfig(**options))
        with torch.no_grad():
            for key, parameter in peft.named_parameters():
                if parameter.requires_grad:
                    parameter.add_(torch.randn_like(parameter) * 0.05)
        peft.save_pretrained(os.path.join(folder, name, "adapter"))
        if name == "grouped":
            continue
        merged = peft.merge_and_unload()
        state = {key: value.clone().contiguous() for key, value in merged.state_dict().items()}
        safetensors.torch.save_file(state, os.path.join(folder, name, "peft.safetensors"))


def compare(folder, case):
    ours = safetensors.torch.load_file(os.path.join(folder, case, "merged", "model.safetensors"))
    theirs = safetensors.torch.load_file(os.path.join(folder, case, "peft.safetensors"))
    base = safetensors.torch.load_file(os.path.join(folder, case, "base", "model.safetensors"))
    different, worst, changed = [], 0.0, 0
    for key, tensor in ours.items():
        other = theirs[key]
        assert tensor.dtype == other.dtype and tensor.shape == other.shape, key
        changed += not torch.equal(tensor, base[key]) if key in base else 1
        if torch.equal(tensor, other):
            continue
        different.append(key)
        ulp = torch.finfo(tensor.dtype).eps * torch.maximum(tensor.abs(), other.abs()).double().clamp_min(1e-30)
        worst = max(worst, ((tensor.double() - other.double()).abs() / ulp).max().item())
    missing = [key for key in theirs if key not in ours and key != "lm_head.weight"]
    return {"tensors": len(ours), "changed": changed, "different": different, "worst": worst, "missing": missing}


match sys.argv[1:]:
    case ["make", folder]:
        make(folder)
    case ["compare", folder, *cases]:
        json.dump({case: compare(folder, case) for case in cases}, sys.stdout)
