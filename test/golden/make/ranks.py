"""Cases ranks-*: gloo ranks on the CPU, each of which saves its own part with torch.save: DTensors of FSDP2 (also sharded within groups that
replicate), ShardedTensors and flat parameters of FSDP1 by Accelerate's own save function, and the raw parameters of FSDP1."""
import json, os, subprocess, sys
if "--run" in sys.argv: os.environ["ACCELERATE_USE_CPU"] = "true"
import torch, torch.distributed as dist
from common import OUT, data, have, tensors, truth, versions

STEPS = 3
CASES = {  # ranks, what
    "ranks-fsdp2": (3, "torch.save of model and optimizer by each of 3 ranks of FSDP2: DTensors, the last ranks with fewer rows or none"),
    "ranks-fsdp2-hybrid": (4, "torch.save of the state dict by each of 4 ranks of FSDP2, sharded over 2 and replicated over 2"),
    "ranks-fsdp2-tensor": (4, "torch.save of the state dict by each of 4 ranks of FSDP2 over 2 above tensor parallelism over 2: _StridedShard, evenly and not"),
    "ranks-fsdp1-sharded": (2, "Accelerate's save_fsdp_model, SHARDED_STATE_DICT with use_dcp=False: ShardedTensors, a file a rank"),
    "ranks-fsdp1-local": (2, "Accelerate's save_fsdp_model, LOCAL_STATE_DICT: flat parameters, a file a rank"),
    "ranks-fsdp1-raw": (3, "the raw parameters of FSDP1 with use_orig_params=True: one-dimensional fragments, some of 0 elements"),
}


def llama():
    from transformers import LlamaConfig, LlamaForCausalLM
    torch.manual_seed(7)
    c = LlamaConfig(vocab_size=33, hidden_size=8, intermediate_size=12, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1, tie_word_embeddings=False)
    c.architectures = ["LlamaForCausalLM"]
    return LlamaForCausalLM(c)


def train(model, opt):
    g = torch.Generator().manual_seed(3)
    for _ in range(STEPS):
        ids = torch.randint(0, 33, (2, 9), generator=g)
        model(input_ids=ids, labels=ids).loss.backward(); opt.step(); opt.zero_grad()


def tensor_parallel(model, mesh):
    from torch.distributed.tensor import Replicate
    from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
    mlp = {"gate_proj": ColwiseParallel(), "up_proj": ColwiseParallel(), "down_proj": RowwiseParallel()}
    plan = {f"model.layers.{i}.mlp.{name}": how for i in range(2) for name, how in mlp.items()}
    parallelize_module(model, mesh["tensor"], {**plan, "lm_head": ColwiseParallel(output_layouts=Replicate())})
    return mesh["data"]


def fsdp2(case, d, rank, ranks):
    from torch.distributed.checkpoint import state_dict as ds
    from torch.distributed.fsdp import fully_shard
    hybrid, tensor = case == "ranks-fsdp2-hybrid", case == "ranks-fsdp2-tensor"
    names = ("replicate", "shard") if hybrid else ("data", "tensor")
    mesh = dist.device_mesh.init_device_mesh("cpu", (2, ranks // 2) if hybrid or tensor else (ranks,), mesh_dim_names=names if hybrid or tensor else None)
    model = llama()
    if tensor: mesh = tensor_parallel(model, mesh)
    for layer in model.model.layers: fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    opt = torch.optim.AdamW(model.parameters(), lr=1e-2)
    train(model, opt)
    whole = ds.StateDictOptions(full_state_dict=True, cpu_offload=True)
    full = {"model": ds.get_model_state_dict(model, options=whole), "optimizer": ds.get_optimizer_state_dict(model, opt, options=whole)}
    state = model.state_dict()
    torch.save(state if hybrid or tensor else {"model": state, "optimizer": ds.get_optimizer_state_dict(model, opt), "step": STEPS}, f"{d}/model_rank{rank}.pt")
    return model.config, full


def fsdp1(case, d, rank, ranks):
    """The training goes before the sharding: on a CPU FSDP1 cannot gather its parameters after a backward pass."""
    from torch.distributed.fsdp import FullyShardedDataParallel as FSDP
    from torch.distributed.fsdp.wrap import ModuleWrapPolicy
    from transformers.models.llama.modeling_llama import LlamaDecoderLayer
    model = llama()
    train(model, torch.optim.AdamW(model.parameters(), lr=1e-2))
    config, full = model.config, {k: v.detach().clone() for k, v in model.state_dict().items()}
    raw = case == "ranks-fsdp1-raw"
    model = FSDP(model, auto_wrap_policy=ModuleWrapPolicy({LlamaDecoderLayer}), use_orig_params=raw, device_id=torch.device("cpu"))
    if raw:
        torch.save({k.replace("_fsdp_wrapped_module.", ""): v.detach().clone() for k, v in model.named_parameters()}, f"{d}/pytorch_model_rank{rank}.bin")
    else:
        from types import SimpleNamespace as N
        from accelerate import PartialState
        from accelerate.utils import FullyShardedDataParallelPlugin, fsdp_utils
        PartialState(cpu=True)
        plugin = FullyShardedDataParallelPlugin(fsdp_version=1, state_dict_type="LOCAL_STATE_DICT" if case.endswith("local") else "SHARDED_STATE_DICT")
        plugin.set_state_dict_type()
        fsdp_utils.save_fsdp_model(plugin, N(process_index=rank, num_processes=ranks), model, d, 0, use_dcp=False)
    return config, {"model": full}


def run(case, d):
    dist.init_process_group("gloo")
    rank, ranks = dist.get_rank(), dist.get_world_size()
    config, full = (fsdp2 if "fsdp2" in case else fsdp1)(case, d, rank, ranks)
    if rank == 0:
        torch.save(full, d + ".full.pt")
        config.save_pretrained(d)
    dist.barrier(); dist.destroy_process_group()


def launch(case, d, ranks, port):
    ps = [subprocess.Popen([sys.executable, __file__, OUT, "--run", case, d],
          env={**os.environ, "RANK": str(r), "LOCAL_RANK": str(r), "WORLD_SIZE": str(ranks), "LOCAL_WORLD_SIZE": str(ranks), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)})
          for r in range(ranks)]
    assert not any([p.wait() for p in ps])


if "--run" in sys.argv:
    run(*sys.argv[3:5])
else:
    for i, (case, (ranks, what)) in enumerate(CASES.items()):
        d = data(case)
        launch(case, d, ranks, 29520 + i)
        full = torch.load(d + ".full.pt"); os.remove(d + ".full.pt")
        raw = case == "ranks-fsdp1-raw"
        some = [(n, s) for n, s in full["optimizer"]["state"].items()] if case == "ranks-fsdp2" else []
        what_is = have("config", weights="damaged") if raw else have("weights config optimizer trainer", scheduler="missing", rng="missing") if some else \
            have("weights config", optimizer="missing", scheduler="missing", rng="missing")
        amiss = [("rank-shard", "lm_head.weight"), ("placeholder", "model.norm.weight"), ("flattened", "model.layers.0.self_attn.k_proj.weight")] if raw else \
            [(f"{k}-missing", "data") for k in ("optimizer", "scheduler", "rng") if what_is[k] == "missing"]
        truth(case, what, versions("torch", "transformers", *(["accelerate"] if "fsdp1" in case and not raw else [])), "fsdp-ranks", "data",
              "broken" if raw else "partial", what_is, amiss, step=STEPS if some else None, world=ranks,
              tens=tensors(full["model"], 60), optimizer_tensors=[{**e, "name": f"{n}.{e['name']}"} for n, s in some for e in tensors(s)],
              note="tensors are the full ones, gathered by torch (FSDP2) or taken before the sharding (FSDP1).")
