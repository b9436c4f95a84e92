"""What transformers creates for tiny configs: `architectures.py FOLDER` prints a JSON list of models, each as saved below FOLDER.

Each entry: the class, config.json as it was saved, names and shapes in the file, and the parameters in the order of registration.
"""
import json
import os
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import transformers
from safetensors import safe_open

DECODER = dict(vocab_size=99, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
               max_position_embeddings=64)
GROUPED = dict(DECODER, num_key_value_heads=2)
BERT = dict(vocab_size=99, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
            max_position_embeddings=64)
WHISPER = dict(vocab_size=99, num_mel_bins=8, d_model=32, encoder_layers=2, decoder_layers=1, encoder_attention_heads=4,
               decoder_attention_heads=4, encoder_ffn_dim=40, decoder_ffn_dim=48, max_source_positions=30,
               max_target_positions=20, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1)
VISION = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, image_size=16, patch_size=4)
T5 = dict(vocab_size=99, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_decoder_layers=1, num_heads=4,
          decoder_start_token_id=0)
CLIP_TEXT = dict(vocab_size=99, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
                 max_position_embeddings=20, bos_token_id=1, eos_token_id=2)
GPT2 = dict(vocab_size=99, n_positions=64, n_embd=32, n_layer=2, n_head=4)

CASES = [
    ("LlamaForCausalLM", "LlamaConfig", GROUPED),
    ("LlamaForCausalLM", "LlamaConfig", dict(GROUPED, attention_bias=True, mlp_bias=True, tie_word_embeddings=True)),
    ("LlamaForSequenceClassification", "LlamaConfig", dict(GROUPED, num_labels=3)),
    ("LlamaModel", "LlamaConfig", dict(GROUPED, head_dim=16)),
    ("MistralForCausalLM", "MistralConfig", GROUPED),
    ("Qwen2ForCausalLM", "Qwen2Config", GROUPED),
    ("Qwen2ForCausalLM", "Qwen2Config", dict(GROUPED, tie_word_embeddings=True)),
    ("Qwen3ForCausalLM", "Qwen3Config", dict(GROUPED, head_dim=16)),
    ("GemmaForCausalLM", "GemmaConfig", dict(GROUPED, head_dim=16)),
    ("MixtralForCausalLM", "MixtralConfig", dict(GROUPED, num_local_experts=3)),
    ("PhiForCausalLM", "PhiConfig", DECODER),
    ("PhiForCausalLM", "PhiConfig", dict(DECODER, qk_layernorm=True)),
    ("GPT2LMHeadModel", "GPT2Config", GPT2),
    ("GPT2LMHeadModel", "GPT2Config", dict(GPT2, n_inner=40, tie_word_embeddings=False)),
    ("GPT2Model", "GPT2Config", GPT2),
    ("GPTNeoXForCausalLM", "GPTNeoXConfig", DECODER),
    ("GPTNeoXForCausalLM", "GPTNeoXConfig", dict(DECODER, attention_bias=False, tie_word_embeddings=True)),
    ("OPTForCausalLM", "OPTConfig", dict(vocab_size=99, hidden_size=32, ffn_dim=48, num_hidden_layers=2,
                                         num_attention_heads=4, max_position_embeddings=64)),
    ("OPTForCausalLM", "OPTConfig", dict(vocab_size=99, hidden_size=32, ffn_dim=48, num_hidden_layers=2,
                                         num_attention_heads=4, max_position_embeddings=64, word_embed_proj_dim=16,
                                         do_layer_norm_before=False, tie_word_embeddings=False)),
    ("BertForMaskedLM", "BertConfig", BERT),
    ("BertForPreTraining", "BertConfig", BERT),
    ("BertForSequenceClassification", "BertConfig", dict(BERT, num_labels=3)),
    ("BertForQuestionAnswering", "BertConfig", BERT),
    ("BertForTokenClassification", "BertConfig", BERT),
    ("BertForMultipleChoice", "BertConfig", BERT),
    ("BertModel", "BertConfig", BERT),
    ("RobertaForMaskedLM", "RobertaConfig", BERT),
    ("RobertaForSequenceClassification", "RobertaConfig", BERT),
    ("RobertaModel", "RobertaConfig", BERT),
    ("DistilBertForMaskedLM", "DistilBertConfig", dict(vocab_size=99, dim=32, hidden_dim=48, n_layers=2, n_heads=4,
                                                       max_position_embeddings=64)),
    ("DistilBertForSequenceClassification", "DistilBertConfig", dict(vocab_size=99, dim=32, hidden_dim=48, n_layers=2,
                                                                     n_heads=4, max_position_embeddings=64)),
    ("T5ForConditionalGeneration", "T5Config", T5),
    ("T5ForConditionalGeneration", "T5Config", dict(T5, feed_forward_proj="gated-gelu", tie_word_embeddings=False)),
    ("T5EncoderModel", "T5Config", T5),
    ("WhisperForConditionalGeneration", "WhisperConfig", WHISPER),
    ("WhisperModel", "WhisperConfig", WHISPER),
    ("ViTForImageClassification", "ViTConfig", dict(VISION, num_labels=5)),
    ("ViTModel", "ViTConfig", dict(VISION, qkv_bias=False)),
    ("CLIPModel", "CLIPConfig", dict(text_config=CLIP_TEXT, vision_config=VISION, projection_dim=16)),
    ("CLIPTextModel", "CLIPTextConfig", CLIP_TEXT),
    ("CLIPVisionModel", "CLIPVisionConfig", VISION),
]


def saved(folder, klass, config_class, options):
    torch.manual_seed(0)
    model = getattr(transformers, klass)(getattr(transformers, config_class)(**options))
    model.save_pretrained(folder)
    with safe_open(os.path.join(folder, "model.safetensors"), "pt") as file:
        stored = {name: list(file.get_slice(name).get_shape()) for name in file.keys()}
    with open(os.path.join(folder, "config.json")) as file:
        config = json.load(file)
    return {"class": klass, "folder": folder, "config": config, "stored": stored,
            "all": {name: list(tensor.shape) for name, tensor in model.state_dict().items()},
            "parameters": [name for name, _ in model.named_parameters()]}


root = sys.argv[1]
print(json.dumps([saved(os.path.join(root, str(i)), *case) for i, case in enumerate(CASES)]))
