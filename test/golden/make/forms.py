"""Cases torch-zoo-*: forms of tensors and containers that few files have. Every file is read back by torch where torch can."""
import base64, io, json, pickle, struct, tarfile, zipfile
import numpy as np, torch
from common import data, parts, seed, tensors, truth, versions

P = versions("torch", "numpy")
PART = parts(weights="present", optimizer="missing", scheduler="missing", rng="missing")


def zoo(name, what, obj, sd=None, findings=(), comp=PART, save=None, file="model.pt", **extra):
    """One case; sd is the truth when obj is not itself a state dict; save may return it."""
    case = f"torch-zoo-{name}"
    path = f"{data(case)}/{file}"
    made = (save or (lambda p: torch.save(obj, p)))(path)
    sd = next(x for x in (sd, made, obj) if isinstance(x, dict))
    truth(case, what, P, "torch-file", f"data/{file}", "partial", comp, findings, tens=tensors(sd, 60), **extra)


def saved(x, **how):
    f = io.BytesIO()
    torch.save(x, f, **how)
    return f.getvalue()


# Sparse layouts beyond 2-D COO and CSR: entries named twice, dense dimensions, batches, blocks.
seed()
blocks = torch.zeros(4, 6)
blocks[:2, 3:] = torch.randn(2, 3)
blocks[2:, :3] = torch.randn(2, 3)
sparse = {
    "twice": torch.sparse_coo_tensor([[0, 0, 1], [1, 1, 2]], [1.5, 2.25, 3.0], (3, 4)),
    "twice_int": torch.sparse_coo_tensor([[2, 2]], torch.tensor([2**62, 5]), (3,)),
    "hybrid": torch.sparse_coo_tensor([[0, 2]], torch.randn(2, 5), (4, 5)),
    "none": torch.sparse_coo_tensor(torch.empty(2, 0, dtype=torch.int64), torch.empty(0), (3, 4)),
    "half": torch.eye(3, dtype=torch.float16).to_sparse(),
    "complex": torch.tensor([[0, 1 + 2j], [0, 0]]).to_sparse(),
    "csc": torch.randn(3, 5).relu().to_sparse_csc(),
    "bsr": blocks.to_sparse_bsr((2, 3)),
    "bsc": blocks.to_sparse_bsc((2, 3)),
    "batches": torch.stack([torch.eye(3), torch.eye(3).flip(0)]).to_sparse_csr(),
    "rows": torch.randn(3, 4, 2).to_sparse_csr(dense_dim=1),
}
zoo("sparse-layouts", "sparse COO with entries named twice, dense dimensions, no entries; CSC, BSR, BSC, CSR in batches and with dense dimensions", sparse)

# Lazy conjugates and negatives: the stored bytes are those before, the pickle notes what is to be done.
lazy = {"conj": torch.randn(3, dtype=torch.complex64).conj(), "neg": torch.randn(3, dtype=torch.complex64).conj().imag,
        "both": torch.randn(2, 2, dtype=torch.complex128).conj().T, "neg_conj": torch._neg_view(torch.randn(2, dtype=torch.complex64)).conj(),
        "plain": torch.randn(2)}
zoo("lazy-signs", "tensors with the conjugate and the negative bit", lazy)

# NumPy arrays as weights, in a torch file and in plain pickles, in other orders of bytes and of dimensions.
arrays = {"w": np.arange(6, dtype="<f4").reshape(2, 3), "fortran": np.asfortranarray(np.arange(6, dtype=">i2").reshape(2, 3)),
          "scalar": np.array(2.5), "flags": np.array([True, False])}
dense = {k: torch.from_numpy(np.ascontiguousarray(v).astype(v.dtype.newbyteorder("="))).reshape(v.shape) for k, v in arrays.items()}
weird = {**arrays, "names": np.array(["a", None], dtype=object)}
zoo("numpy", "NumPy arrays of numbers in a torch file: big endian, Fortran order, 0-d; an array of objects is none of them", weird, sd=dense,
    findings=[("needs-unsafe-load", "model.pt")])
for protocol in (2, 5):
    zoo(f"numpy-pickle{protocol}", f"a dict of NumPy arrays in a plain pickle of protocol {protocol}", None, sd=dense, file="model.pkl",
        save=lambda p: pickle.dump(arrays, open(p, "wb"), protocol=protocol))
plain = {"w": torch.randn(2, 3), "p": torch.nn.Parameter(torch.randn(4)), "half": torch.randn(3).bfloat16()}
plain["tied"] = plain["w"]
zoo("plain-pickle", "pickle.dump of tensors: each storage a torch file of its own inside the pickle", None, sd=plain, file="model.pkl",
    save=lambda p: pickle.dump(plain, open(p, "wb")))

# One stream, several torch.save calls. torch.load reads one after another; of a zip, only the last can be found.
several = [{"w": torch.full((2,), float(i))} for i in range(3)]
named = {"w": several[0]["w"], "1.w": several[1]["w"], "2.w": several[2]["w"]}


def stream(path):
    with open(path, "wb") as f:
        for each in several: torch.save(each, f, _use_new_zipfile_serialization=False)
    with open(path, "rb") as f:
        assert [float(torch.load(f)["w"][0]) for _ in several] == [0.0, 1.0, 2.0]


zoo("stream", "three torch.save calls into one legacy stream; the second and third are named by their number", None, sd=named, save=stream)


# Modules, programs, packages.
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(4, 3)
        self.register_buffer("mask", torch.tensor([True, False, True]))
        self.shift = torch.arange(3.0)

    def forward(self, x):
        return self.fc(x) * self.mask + self.shift + torch.tensor([1.0, 2.0, 3.0])


net = Net().eval()
fixed = {"fc.weight": net.fc.weight, "fc.bias": net.fc.bias, "mask": net.mask}
zoo("traced", "torch.jit.trace of a module with constants in its code", None,
    sd={**fixed, "constants.0": net.shift, "constants.1": torch.tensor([1.0, 2.0, 3.0])},
    save=lambda p: torch.jit.trace(net, torch.randn(2, 4)).save(p))
zoo("export", "torch.export.save: a .pt2 archive", None, file="model.pt2",
    sd={**fixed, "constants.shift": net.shift, "constants.lifted_tensor_0": torch.tensor([1.0, 2.0, 3.0])},
    save=lambda p: torch.export.save(torch.export.export(net, (torch.randn(2, 4),)), p))


def package(path):
    with torch.package.PackageExporter(path) as e:
        e.extern("**")
        e.save_pickle("model", "model.pkl", dict(net.state_dict()))
        e.save_text("notes", "read.txt", "hello")


zoo("package", "torch.package with one pickled state dict and a text", None, sd=dict(net.state_dict()), save=package)

# A state archive as Stable-Baselines3 2.3 writes it (save_util.py, save_to_zip_file): torch files in a deflated zip.
optimizer = torch.optim.Adam(net.parameters())
net(torch.randn(2, 4)).sum().backward()
optimizer.step()


def archive(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("data", json.dumps({"num_timesteps": 2048, "_n_updates": 10, "lr_schedule": {":type:": "<class 'dict'>", ":serialized:": base64.b64encode(pickle.dumps({"lr": 3e-4})).decode()}}))
        z.writestr("pytorch_variables.pth", saved(None))
        z.writestr("policy.pth", saved(net.state_dict()))
        z.writestr("policy.optimizer.pth", saved(optimizer.state_dict()))
        z.writestr("_stable_baselines3_version", "2.3.2")


zoo("state-archive", "a zip of torch files, as Stable-Baselines3 writes it", None, sd=dict(net.state_dict()), file="agent.zip", save=archive,
    comp=parts(weights="present", optimizer="present", scheduler="missing", rng="missing", trainer="present"), step=2048)

# A state dict, an optimizer and an epoch in a list instead of a dict.
zoo("list", "torch.save([model, optimizer, epoch]): a list for a root", [net.state_dict(), optimizer.state_dict(), 7], sd=dict(net.state_dict()),
    comp=parts(weights="present", optimizer="present", scheduler="missing", rng="missing"), step=1)


# torch 0.1: a tar archive. Nothing writes it any more; this follows the reader in torch/serialization.py (_legacy_load).
def tar(path):
    weights = {"fc.weight": torch.randn(3, 4), "fc.bias": torch.randn(3)}
    root = torch.randn(10).double()
    views = {"view": root[2:8:2], "int": torch.tensor([[1, 2], [3, 4]])}
    values = {**weights, **views}
    kinds = {torch.float32: "Float", torch.float64: "Double", torch.int64: "Long"}

    class Type:
        """Pickled as the global `torch <kind>Storage`."""
        def __init__(self, kind): self.kind = kind

    class Pickler(pickle._Pickler):
        """Protocol 2. Tensors become persistent ids, their keys."""
        def persistent_id(self, x):
            return str(keys[id(x)]) if isinstance(x, torch.Tensor) else None
        def save(self, x, save_persistent_id=True):
            if isinstance(x, Type): return self.write(b"ctorch\n" + f"{x.kind}Storage\n".encode())
            return super().save(x, save_persistent_id)

    def dump(x, f): Pickler(f, 2).dump(x)

    keys = {id(t): 1000 + i for i, t in enumerate(values.values())}
    storages, tensors, main, info = (io.BytesIO() for _ in range(4))
    roots = {name: (root if name == "view" else t) for name, t in values.items()}
    dump(len(values), storages)
    for i, (name, t) in enumerate(roots.items()):
        dump((i, "cpu", Type(kinds[t.dtype])), storages)
        storages.write(struct.pack("<q", t.numel()) + t.contiguous().numpy().tobytes())
    # The storage of `view` is a view of its root: two elements further on.
    dump([(50, list(roots).index("view"), 2, 8)], storages)
    dump(len(values), tensors)
    for i, (name, t) in enumerate(values.items()):
        dump((keys[id(t)], 50 if name == "view" else i, Type(kinds[t.dtype])), tensors)
        tensors.write(struct.pack("<i4x", t.dim()) + struct.pack(f"<{t.dim()}q", *t.shape) + struct.pack(f"<{t.dim()}q", *t.stride()))
        tensors.write(struct.pack("<q", 0))
    dump(values, main)
    dump({"protocol_version": 1000, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 8}}, info)
    with tarfile.open(path, "w:", format=tarfile.PAX_FORMAT) as f:
        for name, part in (("sys_info", info), ("pickle", main), ("tensors", tensors), ("storages", storages)):
            member = tarfile.TarInfo(name)
            member.size = part.tell()
            part.seek(0)
            f.addfile(member, part)
    back = torch.load(path, weights_only=False)
    assert all(torch.equal(back[k], values[k]) for k in values)
    return values


zoo("tar", "the tar archive of torch 0.1, with a view of a storage (written by hand; torch.load reads it)", None, save=tar,
    findings=[("needs-unsafe-load", "model.pt")])
