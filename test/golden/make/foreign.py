"""Cases gguf-*, numpy-*, tensorboard, foreign: what other writers than torch.save and safetensors leave."""
import os
import gguf, numpy as np, torch
from gguf import GGMLQuantizationType as T
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard import SummaryWriter
from common import data, entry, parts, seed, truth, versions

PART = parts(weights="present", config="present", optimizer="missing", scheduler="missing", rng="missing")
BARE = parts(weights="present", optimizer="missing", scheduler="missing", rng="missing")
P = versions("gguf", "numpy", "torch")


def as_entry(name, array, encoding=None):
    e = entry(name, torch.from_numpy(np.array(array, order="C")))
    return {**e, **({"encoding": encoding} if encoding else {})}


def packed(kind, rows, cols):
    """Blocks of a type that gguf-py cannot quantise: random bytes, with halves in the places of the scales that are no NaN."""
    block, size = gguf.GGML_QUANT_SIZES[kind]
    raw = np.random.randint(0, 256, (rows * cols // block, size), dtype=np.uint8)
    for at in {T.Q2_K: (80, 82), T.Q3_K: (108,), T.Q4_K: (0, 2), T.Q5_K: (0, 2), T.Q6_K: (208,)}.get(kind, (0,)):
        raw[:, at:at + 2] = np.random.uniform(-2, 2, len(raw)).astype(np.float16).view(np.uint8).reshape(-1, 2)
    return raw.reshape(rows, -1)


def write(path, arch, put, endian=gguf.GGUFEndian.LITTLE):
    w = gguf.GGUFWriter(path, arch, endianess=endian)
    put(w)
    w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()


seed()
# A tiny llama, its names those of llama.cpp.
dim, ff, vocab = 64, 128, 96
llama = {"token_embd.weight": (vocab, dim), "output_norm.weight": (dim,), "output.weight": (vocab, dim)}
for i in range(2):
    llama |= {f"blk.{i}.attn_norm.weight": (dim,), f"blk.{i}.attn_q.weight": (dim, dim), f"blk.{i}.attn_k.weight": (dim // 2, dim),
              f"blk.{i}.attn_v.weight": (dim // 2, dim), f"blk.{i}.attn_output.weight": (dim, dim), f"blk.{i}.ffn_norm.weight": (dim,),
              f"blk.{i}.ffn_gate.weight": (ff, dim), f"blk.{i}.ffn_up.weight": (ff, dim), f"blk.{i}.ffn_down.weight": (dim, ff)}
d = data("gguf-llama")
tens = []


def put_llama(w):
    w.add_name("tiny"); w.add_block_count(2); w.add_context_length(128); w.add_embedding_length(dim); w.add_head_count(4)
    w.add_file_type(7); w.add_array("tokenizer.ggml.tokens", [f"token {i}" for i in range(vocab)])
    w.add_array("tokenizer.ggml.scores", [0.5] * vocab); w.add_array("general.tags", ["one", "two"]); w.add_bool("tokenizer.ggml.add_bos_token", True)
    for name, shape in llama.items():
        x = np.random.randn(*shape).astype(np.float32)
        if len(shape) == 1:
            w.add_tensor(name, x); tens.append(as_entry(name, x))
        else:
            q = gguf.quants.quantize(x, T.Q8_0)
            w.add_tensor(name, q, raw_dtype=T.Q8_0); tens.append(as_entry(name, gguf.quants.dequantize(q, T.Q8_0), "Q8_0"))


write(f"{d}/model.gguf", "llama", put_llama)
truth("gguf-llama", "a llama of two layers, matrices in Q8_0, norms in float32", P, "gguf", "data/model.gguf", "partial", PART, tens=tens)

# Every type: the ones that are plain, the ones that are decoded, and one that is only named.
d = data("gguf-types")
tens = []


def put_types(w):
    plain = {"f32": np.float32, "f16": np.float16, "f64": np.float64, "i8": np.int8, "i16": np.int16, "i32": np.int32, "i64": np.int64}
    for name, dtype in plain.items():
        x = (np.random.randn(3, 5) * 50).astype(dtype)
        w.add_tensor(name, x); tens.append(as_entry(name, x))
    x = torch.randn(4, 3).to(torch.bfloat16)
    w.add_tensor("bf16", x.view(torch.uint8).numpy(), raw_dtype=T.BF16); tens.append(entry("bf16", x))
    for kind in (T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q8_0):
        q = gguf.quants.quantize(np.random.randn(6, 64).astype(np.float32), kind)
        w.add_tensor(kind.name, q, raw_dtype=kind); tens.append(as_entry(kind.name, gguf.quants.dequantize(q, kind), kind.name))
    for kind in (T.Q2_K, T.Q3_K, T.Q4_K, T.Q5_K, T.Q6_K):
        q = packed(kind, 6, 512)
        w.add_tensor(kind.name, q, raw_dtype=kind); tens.append(as_entry(kind.name, gguf.quants.dequantize(q, kind), kind.name))
    w.add_tensor("IQ2_XS", packed(T.IQ2_XS, 2, 256), raw_dtype=T.IQ2_XS)


write(f"{d}/model.gguf", "test", put_types)
truth("gguf-types", "a tensor of each type; IQ2_XS is not decoded", P, "gguf", "data/model.gguf", "partial", PART,
      findings=[("type-not-decoded", "model.gguf")], tens=tens, undecoded=["IQ2_XS"])

d = data("gguf-big-endian")
x = np.random.randn(4, 6).astype(np.float32)
write(f"{d}/model.gguf", "test", lambda w: w.add_tensor("w", x.copy()), gguf.GGUFEndian.BIG)
truth("gguf-big-endian", "version 3 in big endian", P, "gguf", "data/model.gguf", "partial", PART, tens=[as_entry("w", x)])

d = data("gguf-cut")
src = os.path.join(d, "..", "..", "gguf-llama", "data", "model.gguf")
whole = open(src, "rb").read()
open(f"{d}/model.gguf", "wb").write(whole[:len(whole) * 2 // 3])
truth("gguf-cut", "gguf-llama without its last third", P, "gguf", "data/model.gguf", "broken",
      {**PART, "weights": "damaged", "config": "damaged"}, findings=[("truncated", "model.gguf")], bytes_of_whole=len(whole))

# NumPy
N = versions("numpy")
arrays = {"<f4": np.random.randn(3, 4).astype("<f4"), ">f8": np.random.randn(2, 3).astype(">f8"), "<i2": np.arange(-4, 4, dtype="<i2"),
          "bool": np.array([True, False]), "c8": (np.random.randn(2, 2) + 1j).astype("<c8"), "scalar": np.float16(1.5).reshape(()),
          "empty": np.zeros((0, 3), "<f4"), "fortran": np.asfortranarray(np.random.randn(4, 5).astype("<f4")), ">u4": np.arange(5, dtype=">u4")}
d = data("numpy-arrays")
for i, (name, a) in enumerate(arrays.items()):
    np.save(f"{d}/{i}.npy", a)
np.lib.format.write_array(open(f"{d}/v2.npy", "wb"), arrays["<f4"], version=(2, 0))
np.lib.format.write_array(open(f"{d}/v3.npy", "wb"), arrays["<f4"], version=(3, 0))
little = {k: as_entry(k, a.astype(a.dtype.newbyteorder("<"))) for k, a in arrays.items()}
truth("numpy-arrays", "one .npy file for each kind of array, named by their place in `files`; v2 and v3 are `<f4` in later header versions", N, "npy", "data/0.npy",
      "partial", BARE, tens=[{**little["<f4"], "name": "0"}],
      files={**{f"{i}.npy": {**little[k], "name": str(i)} for i, k in enumerate(arrays)}, "v2.npy": {**little["<f4"], "name": "v2"}, "v3.npy": {**little["<f4"], "name": "v3"}})

for name, save in (("stored", np.savez), ("compressed", np.savez_compressed)):
    d = data(f"numpy-npz-{name}")
    layers = {"conv/kernel": np.random.randn(3, 3, 2, 4).astype("<f4"), "dense.bias": np.zeros(64, "<f8"), "t": np.asfortranarray(np.random.randn(8, 6).astype("<f4"))}
    save(f"{d}/weights.npz", **layers)
    truth(f"numpy-npz-{name}", f"np.{save.__name__}", N, "npz", "data/weights.npz", "partial", BARE, tens=[as_entry(k, a) for k, a in layers.items()])

d = data("numpy-objects")
np.save(f"{d}/objects.npy", np.array([{"a": 1}, [2, 3]], dtype=object))
np.save(f"{d}/records.npy", np.zeros(3, dtype=[("x", "<f4"), ("y", "<i8", (2,))]))
np.save(f"{d}/texts.npy", np.array(["a", "bc"]))
np.savez(f"{d}/mixed.npz", w=np.ones((2, 2), "<f4"), names=np.array(["a", "b"]), objects=np.array([{}], dtype=object))
truth("numpy-objects", "arrays without numbers: objects (a pickle), records, texts; mixed.npz holds one of numbers beside them", N, "npy", "data/objects.npy",
      "partial", parts(), findings=[("object-array", "objects.npy")])

# TensorBoard: torch's writer (simple_value), and the tensor form of version 2 of the scalars plugin.
d = data("tensorboard")
w = SummaryWriter(d)
loss = [(i * 10, 3 / (i + 1)) for i in range(30)]
for step, v in loss:
    w.add_scalar("train/loss", v, step); w.add_scalar("train/learning_rate", 1e-3 * (1 - step / 300), step)
    if step % 100 == 0:
        w.add_scalar("eval/loss", v + 0.1, step); w.add_scalar("eval/accuracy", 1 - v / 4, step, new_style=True)
        w.add_histogram("weights", torch.randn(100), step); w.add_image("picture", torch.rand(3, 64, 64), step)
w.close()
f32 = lambda v: float(np.float32(v))
truth("tensorboard", "SummaryWriter: loss and rate every 10 steps, evaluation every 100, beside histograms and pictures", versions("torch", "tensorboard"), "tensorboard",
      f"data/{os.listdir(d)[0]}", "partial", parts(weights="not-applicable"), loss=[(s, f32(v)) for s, v in loss], lr=[(s, f32(1e-3 * (1 - s / 300))) for s, _ in loss],
      val_loss=[(s, f32(v + 0.1)) for s, v in loss if s % 100 == 0], accuracy=[(s, f32(1 - v / 4)) for s, v in loss if s % 100 == 0])

# A file of another framework, which is named and not read.
d = data("foreign")
names = {}
w = RecordWriter(open(f"{d}/train.tfrecord", "wb")); w.write(b"an example"); w._writer.close()
names["train.tfrecord"] = "a TFRecord file"
truth("foreign", "a file of another framework; `names` says what it is", versions("tensorboard"), "other", "data/train.tfrecord", "partial", parts(),
      findings=[("unknown-format", "train.tfrecord")], names=names)
