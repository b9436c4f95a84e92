"""companions.py make FOLDER | check FOLDER: what lies beside the weights of a model, and whether it loads from an export of it.

`make` saves, as transformers does: `text` (a tokenizer with added tokens and two chat templates), `image` (a model of
pictures with its processor), `code` (a model whose own code lies beside it), and `base` with `adapter`, a LoRA adapter that was
saved with a tokenizer of its own. `check` loads the export of each from FOLDER/out and prints what it finds.
"""

import json
import os
import sys

import peft
import tokenizers
import torch
import transformers

mode, folder = sys.argv[1:]
os.environ["HF_MODULES_CACHE"] = os.path.join(folder, "modules")
TEXT = "a training run that was saved <mark> a b"
CODE = """
import torch
from transformers import PreTrainedModel, PretrainedConfig
from .tiny_parts import scale

class TinyConfig(PretrainedConfig):
    model_type = "tiny-own"

class TinyModel(PreTrainedModel):
    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.linear = torch.nn.Linear(4, 4)
        self.post_init()

    def forward(self, x):
        return scale(self.linear(x))
"""


def place(*parts):
    return os.path.join(folder, *parts)


def tokenizer(added=()):
    tok = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="<unk>"))
    tok.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tok.train_from_iterator([TEXT] * 4, tokenizers.trainers.BpeTrainer(vocab_size=60, special_tokens=["<unk>", "<eos>"]))
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tok, unk_token="<unk>", eos_token="<eos>")
    fast.add_tokens(list(added))
    return fast


def gpt2():
    torch.manual_seed(0)
    config = transformers.GPT2Config(vocab_size=80, n_positions=32, n_embd=16, n_layer=1, n_head=2)
    return transformers.GPT2LMHeadModel(config)


def make():
    gpt2().save_pretrained(place("text"))
    text = tokenizer(["<mark>"])
    text.chat_template = {
        "default": "{% for m in messages %}[{{ m['content'] }}]{% endfor %}",
        "tools": "{% for m in messages %}<{{ m['content'] }}>{% endfor %}",
    }
    text.save_pretrained(place("text"))

    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=8, patch_size=4
    )
    transformers.ViTForImageClassification(config).save_pretrained(place("image"))
    settings = {"image_processor_type": "ViTImageProcessor", "size": {"height": 8, "width": 8}, "image_mean": [0.25] * 3}
    with open(place("image", "preprocessor_config.json"), "w") as file:
        json.dump(settings, file)

    os.makedirs(place("code"))
    with open(place("code", "modeling_tiny.py"), "w") as file:
        file.write(CODE)
    with open(place("code", "tiny_parts.py"), "w") as file:
        file.write("def scale(x):\n    return 3 * x\n")
    fields = {
        "model_type": "tiny-own",
        "auto_map": {"AutoConfig": "modeling_tiny.TinyConfig", "AutoModel": "modeling_tiny.TinyModel"},
    }
    with open(place("code", "config.json"), "w") as file:
        json.dump(fields, file)
    model = transformers.AutoModel.from_config(
        transformers.AutoConfig.from_pretrained(place("code"), trust_remote_code=True), trust_remote_code=True
    )
    from safetensors.torch import save_file

    save_file(model.state_dict(), place("code", "model.safetensors"), {"format": "pt"})

    gpt2().save_pretrained(place("base"))
    tokenizer().save_pretrained(place("base"))
    adapted = peft.get_peft_model(gpt2(), peft.LoraConfig(r=2, target_modules=["c_attn"], init_lora_weights=False))
    adapted.save_pretrained(place("adapter"))
    tokenizer(["<mark>"]).save_pretrained(place("adapter"))


def check():
    out, facts = place("out"), {}
    text = transformers.AutoTokenizer.from_pretrained(os.path.join(out, "text"))
    whole = transformers.AutoTokenizer.from_pretrained(place("text"))
    messages = [{"role": "user", "content": "a"}]
    transformers.AutoModelForCausalLM.from_pretrained(os.path.join(out, "text"))
    facts["text"] = {
        "same": text(TEXT)["input_ids"] == whole(TEXT)["input_ids"] and len(text) == len(whole),
        "default": text.apply_chat_template(messages, tokenize=False, chat_template="default"),
        "tools": text.apply_chat_template(messages, tokenize=False, chat_template="tools"),
    }
    with open(os.path.join(out, "image", "preprocessor_config.json")) as file:
        facts["image"] = json.load(file)["image_mean"]
    transformers.AutoModelForImageClassification.from_pretrained(os.path.join(out, "image"))
    own = transformers.AutoModel.from_pretrained(os.path.join(out, "code"), trust_remote_code=True)
    before = transformers.AutoModel.from_pretrained(place("code"), trust_remote_code=True)
    facts["code"] = torch.equal(own(torch.ones(4)), before(torch.ones(4)))
    for name in ("merged", "adapter"):
        tok = transformers.AutoTokenizer.from_pretrained(os.path.join(out, name))
        facts[name] = "<mark>" in tok.get_vocab()
    json.dump(facts, sys.stdout)


make() if mode == "make" else check()
