"""Cases keras-*, hdf5-*, onnx-*, flax-*: checkpoints of other frameworks, written by themselves."""
import os, sys

os.environ["KERAS_BACKEND"] = "jax"
import flax.serialization, h5py, jax, keras, ml_dtypes, numpy as np, onnx, torch
from common import data, entry, parts, seed, truth, versions

BARE = parts(weights="present", optimizer="missing", scheduler="missing", rng="missing")


def as_entry(name, array):
    array = np.array(array, order="C")
    if array.dtype == ml_dtypes.bfloat16:
        return entry(name, torch.from_numpy(array.view(np.int16)).view(torch.bfloat16))
    return entry(name, torch.from_numpy(array.astype(array.dtype.newbyteorder("<"))))


def datasets(path):
    """What h5py lists: every dataset of numbers, soft and external links passed over (visititems follows neither)."""
    found = []

    def visit(name, object):
        if isinstance(object, h5py.Dataset) and object.dtype.kind in "biufcV" and object.shape is not None and object.dtype.names is None:
            array = object[()]
            if object.attrs.get("dtype") == "bfloat16": array = array.view(ml_dtypes.bfloat16)
            found.append(as_entry(name, array))

    with h5py.File(path) as f: f.visititems(visit)
    return found


seed()
keras.utils.set_random_seed(1)
K = versions("keras", "h5py", "jax")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, activation="relu", name="d1"), keras.layers.BatchNormalization(name="bn"),
                          keras.layers.Dense(3, name="d2")], name="tiny")
model.compile("adam", "mse")
model.fit(np.random.randn(32, 4), np.random.randn(32, 3), epochs=1, verbose=0)
KERAS = parts(weights="present", config="present", optimizer="present", scheduler="missing", rng="missing")
d = data("keras-h5"); model.save(f"{d}/model.h5")
truth("keras-h5", "a whole model of Keras in one HDF5 file, optimizer included", K, "file", "data/model.h5", "partial", KERAS, tens=datasets(f"{d}/model.h5"))
d = data("keras-weights"); model.save_weights(f"{d}/model.weights.h5")
truth("keras-weights", "weights of Keras 3", K, "file", "data/model.weights.h5", "partial", {**KERAS, "config": "not-applicable"}, tens=datasets(f"{d}/model.weights.h5"))
inner = datasets(f"{d}/model.weights.h5")
d = data("keras-archive"); model.save(f"{d}/model.keras")
truth("keras-archive", "a .keras archive of the same model", K, "file", "data/model.keras", "partial", KERAS, tens=inner)
half = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, dtype="bfloat16"), keras.layers.Dense(8, dtype="float16")])
d = data("keras-half"); half.save_weights(f"{d}/half.weights.h5")
truth("keras-half", "weights in bfloat16 (two raw bytes and an attribute) and float16", K, "file", "data/half.weights.h5", "partial", BARE, tens=datasets(f"{d}/half.weights.h5"))

# HDF5 in the forms of h5py: types, layouts, filters, links.
H = versions("h5py", "numpy")


def fill(f):
    for kind in ("<f2", "<f4", ">f4", "<f8", "i1", "<i2", ">i4", "<i8", "u1", "<u2", "<u4", "<u8", "<c8", "<c16"):
        f[f"types/{kind}"] = (np.random.randn(3, 5) * 50).astype(kind)
    f["types/bool"] = np.array([True, False, True]); f["types/scalar"] = np.float32(1.5); f["types/empty"] = np.zeros((0, 3), "<f4")
    f["others/text"] = "a text"; f["others/records"] = np.zeros(3, dtype=[("x", "<f4"), ("y", "<i8")]); f["others/nothing"] = h5py.Empty("f4")
    x = np.cumsum(np.random.randn(37, 23), 0).astype("<f4")
    f.create_dataset("layouts/chunked", data=x, chunks=(8, 5)); f.create_dataset("layouts/gzip", data=x, chunks=(16, 16), compression="gzip")
    f.create_dataset("layouts/shuffled", data=x.astype("<f8"), chunks=(10, 23), compression="gzip", shuffle=True, fletcher32=True)
    f.create_dataset("layouts/big", data=x.astype(">f4"), chunks=(10, 23), compression="gzip", shuffle=True)
    f.create_dataset("layouts/three", data=x[:24, :20].reshape(8, 12, 5), chunks=(3, 5, 2), compression="gzip")
    compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE); compact.set_layout(h5py.h5d.COMPACT)
    h5py.h5d.create(f["layouts"].id, b"compact", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((4,)), compact).write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(4, dtype="<f4"))
    f["named"] = np.dtype("<f4"); f.create_dataset("committed", data=np.ones(3), dtype=f["named"])
    f["hard"] = f["committed"]


def add_links(f):
    f["soft"] = h5py.SoftLink("/types/<f4"); f["out"] = h5py.ExternalLink("/etc/passwd", "/x"); f["types/back"] = f["/"]


LINKS = [("unknown-format", "forms.h5")]
for name, options, what in (("hdf5-forms", {}, "as h5py writes by default"), ("hdf5-latest", {"libver": "latest"}, "with a superblock of version 3"),
                            ("hdf5-symbols", {"libver": ("earliest", "v110"), "userblock_size": 512}, "behind a user block, names in symbol tables as all HDF5 before 2.0 writes")):
    d = data(name)
    with h5py.File(f"{d}/forms.h5", "w", **options) as f:
        if name == "hdf5-forms": fill(f); add_links(f); f.create_dataset("unread/lzf", data=np.ones((40, 4)), chunks=(10, 4), compression="lzf")
        elif name == "hdf5-latest":
            f.attrs["keras_version"] = "3.0.0"
            for i in range(6): f.create_dataset(f"group/w{i}", data=np.full((3, i), i, "<f4"))
            for i in range(200): f[f"many/w{i}"] = np.float32(i)
            for i in range(12): f["group"].attrs[f"a{i}"] = f"text {i}"
            f["late"] = np.arange(6, dtype=">i2").reshape(2, 3); f.create_dataset("one", data=np.random.randn(4, 4), chunks=(4, 4), compression="gzip")
        else:
            for i in range(40): f[f"layers/dense_{i}/vars/0"] = np.full((2, i + 1), i, "<f8")
            f["layers/dense_3"].attrs["text"] = "a text"; f["layers/dense_3"].attrs["texts"] = np.array([b"one", b"three"])
            f.create_dataset("gzip", data=np.cumsum(np.random.randn(30, 20), 0), chunks=(7, 20), compression="gzip", shuffle=True)
    tens = [t for t in datasets(f"{d}/forms.h5") if t["name"] != "unread/lzf"]
    truth(name, f"HDF5 {what}", H, "file", "data/forms.h5", "partial", BARE, findings=LINKS if name == "hdf5-forms" else [], tens=tens)

# ONNX: initializers in raw bytes, in typed lists, in another file.
from onnx import TensorProto as T, helper, numpy_helper

O = versions("onnx")
BARE_CONFIG = {**BARE, "config": "present"}


def onnx_model(path, tensors, **save):
    x, y = (helper.make_tensor_value_info(n, T.FLOAT, [4]) for n in "xy")
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "tiny", [x], [y], tensors)
    onnx.save(helper.make_model(graph, producer_name="assay-golden", producer_version="1", opset_imports=[helper.make_opsetid("", 17)]), path, **save)


arrays = {"layer.weight": np.random.randn(6, 4).astype("f4"), "layer.bias": np.zeros(6, "f4"), "half": np.random.randn(3, 5).astype("f2"), "ids": np.arange(-3, 4),
          "mask": np.array([True, False]), "double": np.random.randn(2), "scalar": np.float32(2.5), "complex": (np.random.randn(2, 2) + 1j).astype("c8")}
d = data("onnx-raw")
onnx_model(f"{d}/model.onnx", [numpy_helper.from_array(np.asarray(a), n) for n, a in arrays.items()])
truth("onnx-raw", "initializers in raw bytes", O, "file", "data/model.onnx", "partial", BARE_CONFIG, tens=[as_entry(n, a) for n, a in arrays.items()])
typed = {"f4": (T.FLOAT, "f4", [[1, -2.5, 3]]), "f8": (T.DOUBLE, "f8", [[1, -2.5, 3]]), "i8": (T.INT64, "i8", [[1, -2, 2**40]]), "i4": (T.INT32, "i4", [[1, -2, 300]]),
         "u1": (T.UINT8, "u1", [[1, 2, 255]]), "u8": (T.UINT64, "u8", [[1, 2, 2**63]]), "bool": (T.BOOL, "?", [[True, False, True]])}
d = data("onnx-typed")
tens = [helper.make_tensor(n, t, [1, 3], np.array(v, dtype)) for n, (t, dtype, v) in typed.items()]
bf16 = np.array([1, -2.5, 3], ml_dtypes.bfloat16)
tens += [helper.make_tensor("bf16", T.BFLOAT16, [3], bf16.astype("f4")), helper.make_tensor("f2", T.FLOAT16, [3], np.array([1, -2.5, 3], "f2")), helper.make_tensor("names", T.STRING, [1], [b"a"])]
onnx_model(f"{d}/model.onnx", tens)
truth("onnx-typed", "initializers in typed lists", O, "file", "data/model.onnx", "partial", BARE_CONFIG,
      tens=[as_entry(n, np.array(v, dtype)) for n, (_, dtype, v) in typed.items()] + [as_entry("bf16", bf16), as_entry("f2", np.array([1, -2.5, 3], "f2"))])
d = data("onnx-external")
onnx_model(f"{d}/model.onnx", [numpy_helper.from_array(np.asarray(a), n) for n, a in arrays.items()], save_as_external_data=True, location="model.onnx.data", size_threshold=8)
truth("onnx-external", "the larger initializers in a file beside the model", O, "file", "data/model.onnx", "partial", BARE_CONFIG, tens=[as_entry(n, a) for n, a in arrays.items()])

# Flax: parameters alone, and a train state.
import jax.numpy as jnp, optax
from flax.training.train_state import TrainState

F = versions("flax", "jax")
params = {"dense": {"kernel": jnp.array(np.random.randn(4, 8), "float32"), "bias": jnp.zeros(8)}, "norm": {"scale": jnp.ones(8, "bfloat16")}, "scalar": jnp.float32(3), "ids": jnp.arange(5)}


def leaves(tree, at=()):
    for key, value in tree.items():
        if isinstance(value, dict): yield from leaves(value, (*at, key))
        elif hasattr(value, "dtype"): yield as_entry(".".join((*at, key)), value)


d = data("flax-params")
open(f"{d}/flax_model.msgpack", "wb").write(flax.serialization.msgpack_serialize(flax.serialization.to_state_dict(params)))
truth("flax-params", "parameters of a model", F, "file", "data/flax_model.msgpack", "partial", BARE, tens=list(leaves(params)))
state = TrainState.create(apply_fn=None, params=params["dense"], tx=optax.adam(1e-3))
for _ in range(3): state = state.apply_gradients(grads=jax.tree.map(jnp.ones_like, params["dense"]))
d = data("flax-state")
open(f"{d}/checkpoint_3", "wb").write(flax.serialization.to_bytes(state))
truth("flax-state", "a train state: step, parameters and the state of adam", F, "file", "data/checkpoint_3", "partial",
      {**BARE, "optimizer": "present", "trainer": "present"}, step=3, tens=list(leaves(flax.serialization.to_state_dict(state))))
