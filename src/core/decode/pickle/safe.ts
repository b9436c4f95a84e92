/**
 * Globals `torch.load(weights_only=True)` accepts by default. Source: torch 2.13.0, `torch._weights_only_unpickler`:
 * `_get_allowed_globals()`, and what `import torch` alone adds to them (`_get_user_allowed_globals()`).
 */
export const WEIGHTS_ONLY: ReadonlySet<string> = new Set(
  words(`
  _codecs.encode builtins.bytearray builtins.complex builtins.set collections.Counter collections.OrderedDict
  torch.BFloat16Storage torch.BFloat16Tensor torch.BoolStorage torch.BoolTensor torch.ByteStorage torch.ByteTensor
  torch.CharStorage torch.CharTensor torch.ComplexDoubleStorage torch.ComplexFloatStorage torch.DoubleStorage
  torch.DoubleTensor torch.FloatStorage torch.FloatTensor torch.HalfStorage torch.HalfTensor torch.IntStorage
  torch.IntTensor torch.LongStorage torch.LongTensor torch.QInt32Storage torch.QInt8Storage torch.QUInt2x4Storage
  torch.QUInt4x2Storage torch.QUInt8Storage torch.ShortStorage torch.ShortTensor torch.Size torch.Tensor
  torch._tensor._rebuild_from_type_v2 torch._utils._rebuild_device_tensor_from_cpu_tensor
  torch._utils._rebuild_device_tensor_from_numpy torch._utils._rebuild_meta_tensor_no_storage
  torch._utils._rebuild_nested_tensor torch._utils._rebuild_parameter torch._utils._rebuild_parameter_with_state
  torch._utils._rebuild_qtensor torch._utils._rebuild_sparse_tensor torch._utils._rebuild_tensor
  torch._utils._rebuild_tensor_v2 torch._utils._rebuild_tensor_v3 torch._utils._rebuild_wrapper_subclass
  torch.bfloat16 torch.bits16 torch.bits1x8 torch.bits2x4 torch.bits4x2 torch.bits8 torch.bool torch.complex128
  torch.complex32 torch.complex64 torch.cuda.BFloat16Storage torch.cuda.BFloat16Tensor torch.cuda.BoolStorage
  torch.cuda.BoolTensor torch.cuda.ByteStorage torch.cuda.ByteTensor torch.cuda.CharStorage torch.cuda.CharTensor
  torch.cuda.ComplexDoubleStorage torch.cuda.ComplexFloatStorage torch.cuda.DoubleStorage torch.cuda.DoubleTensor
  torch.cuda.FloatStorage torch.cuda.FloatTensor torch.cuda.HalfStorage torch.cuda.HalfTensor torch.cuda.IntStorage
  torch.cuda.IntTensor torch.cuda.LongStorage torch.cuda.LongTensor torch.cuda.ShortStorage torch.cuda.ShortTensor
  torch.cuda.sparse.BFloat16Tensor torch.cuda.sparse.ByteTensor torch.cuda.sparse.CharTensor
  torch.cuda.sparse.DoubleTensor torch.cuda.sparse.FloatTensor torch.cuda.sparse.HalfTensor
  torch.cuda.sparse.IntTensor torch.cuda.sparse.LongTensor torch.cuda.sparse.ShortTensor torch.device torch.float16
  torch.float32 torch.float4_e2m1fn_x2 torch.float64 torch.float8_e4m3fn torch.float8_e4m3fnuz torch.float8_e5m2
  torch.float8_e5m2fnuz torch.float8_e8m0fnu torch.int1 torch.int16 torch.int2 torch.int3 torch.int32 torch.int4
  torch.int5 torch.int6 torch.int64 torch.int7 torch.int8 torch.nn.parameter.Parameter torch.per_channel_affine
  torch.per_channel_affine_float_qparams torch.per_channel_symmetric torch.per_tensor_affine
  torch.per_tensor_symmetric torch.qint32 torch.qint8 torch.quint2x4 torch.quint4x2 torch.quint8
  torch.distributed._mesh_layout._FlatLayout torch.distributed._mesh_layout._MeshLayout
  torch.nested._internal.nested_tensor.NestedTensor torch.nested._internal.nested_tensor._rebuild_njt
  torch.serialization._get_layout torch.sparse.BFloat16Tensor torch.sparse.ByteTensor torch.sparse.CharTensor
  torch.sparse.DoubleTensor torch.sparse.FloatTensor torch.sparse.HalfTensor torch.sparse.IntTensor
  torch.sparse.LongTensor torch.sparse.ShortTensor torch.storage.TypedStorage torch.storage.UntypedStorage
  torch.uint1 torch.uint16 torch.uint2 torch.uint3 torch.uint32 torch.uint4 torch.uint5 torch.uint6 torch.uint64
  torch.uint7 torch.uint8
`),
)

/** Further classes and functions that only make data, whatever they are given. */
const SAFE = new Set(
  words(`
  builtins.list builtins.dict builtins.tuple builtins.frozenset builtins.str builtins.bytes builtins.int builtins.float
  builtins.bool builtins.object builtins.slice builtins.range builtins.Ellipsis builtins.NotImplemented
  builtins.type
  builtins.BaseException builtins.Exception builtins.ValueError builtins.RuntimeError builtins.KeyError
  builtins.TypeError builtins.KeyboardInterrupt builtins.StopIteration
  collections.defaultdict collections.deque collections.UserDict collections.UserList collections.ChainMap
  copyreg._reconstructor copyreg.__newobj__ copyreg.__newobj_ex__
  datetime.datetime datetime.date datetime.time datetime.timedelta datetime.timezone datetime.tzinfo
  decimal.Decimal fractions.Fraction uuid.UUID uuid.SafeUUID random.Random re._compile
  array._array_reconstructor array.array io.BytesIO _io.BytesIO io.StringIO _io.StringIO
  http.HTTPStatus signal.Signals urllib.parse.ParseResult urllib.parse.SplitResult
  itertools.count itertools.cycle itertools.repeat itertools.chain
  logging.getLogger types.SimpleNamespace argparse.Namespace enum.Enum enum.auto
  pathlib.Path pathlib.PosixPath pathlib.WindowsPath pathlib.PurePath pathlib.PurePosixPath pathlib.PureWindowsPath
  pathlib._local.Path pathlib._local.PosixPath pathlib._local.WindowsPath pathlib._local.PurePath
  pathlib._local.PurePosixPath pathlib._local.PureWindowsPath
  typing.Any typing.Union typing.Optional typing.List typing.Dict typing.Tuple typing.Set typing.Callable typing.Sequence
  typing.Mapping typing.Iterable typing.Literal typing.Type typing.NoReturn typing.Text
  numpy.dtype numpy.ndarray numpy.matrix numpy.core.multiarray._reconstruct numpy._core.multiarray._reconstruct
  numpy.core.multiarray.scalar numpy._core.multiarray.scalar numpy.core.numeric._frombuffer
  numpy._core.numeric._frombuffer numpy.core._internal._reconstruct numpy.core.multiarray.ndarray
  numpy.ma.core._mareconstruct numpy.ma.core.MaskedArray numpy.ma.MaskedArray
  numpy.random.RandomState numpy.random.mtrand.RandomState numpy.random.Generator numpy.random._generator.Generator
  numpy.random._mt19937.MT19937 numpy.random._pcg64.PCG64 numpy.random._pcg64.PCG64DXSM numpy.random._philox.Philox
  numpy.random._sfc64.SFC64 numpy.random.bit_generator.SeedSequence numpy.random._bit_generator.SeedSequence
  numpy.random._pickle.__randomstate_ctor numpy.random._pickle.__bit_generator_ctor numpy.random._pickle.__generator_ctor
  numpy.random.__RandomState_ctor numpy.random.bit_generator.__pyx_unpickle_SeedSequence
  torch.nn.Parameter torch.nn.parameter.Buffer torch.nn.parameter.UninitializedParameter
  torch._utils._rebuild_xla_tensor torch._utils._rebuild_mlc_tensor torch._utils._rebuild_buffer
  torch.storage._UntypedStorage torch.storage._TypedStorage torch.strided torch.sparse_coo torch.sparse_csr
  torch.preserve_format torch.contiguous_format torch.channels_last torch.dtype torch.memory_format torch.layout
  torch.Generator torch.autograd.variable.Variable torch._C._TensorBase
  torch.jit._pickle.build_intlist torch.jit._pickle.build_tensorlist torch.jit._pickle.build_doublelist
  torch.jit._pickle.build_boollist torch.jit._pickle.build_tensor_from_id torch.jit._pickle.restore_type_tag
  torch.distributed.device_mesh.DeviceMesh
  torch.distributed.checkpoint.filesystem._StorageInfo torch.distributed.checkpoint.filesystem._StoragePrefix
  torch.distributed._shard.sharded_tensor.api.ShardedTensor torch.distributed._shard.sharded_tensor.shard.Shard
  torch.distributed._shard.metadata.ShardMetadata torch.distributed.remote_device._remote_device
  omegaconf.dictconfig.DictConfig omegaconf.listconfig.ListConfig omegaconf.base.ContainerMetadata omegaconf.base.Metadata
  omegaconf.nodes.AnyNode omegaconf.nodes.StringNode omegaconf.nodes.IntegerNode omegaconf.nodes.FloatNode
  omegaconf.nodes.BooleanNode omegaconf.nodes.BytesNode omegaconf.nodes.PathNode omegaconf.nodes.EnumNode
  omegaconf.base.UnionNode
  transformers.training_args.TrainingArguments transformers.training_args_seq2seq.Seq2SeqTrainingArguments
  transformers.training_args.OptimizerNames transformers.training_args.ParallelMode
  transformers.trainer_pt_utils.AcceleratorConfig transformers.integrations.deepspeed.HfDeepSpeedConfig
  transformers.trainer_callback.TrainerState
  accelerate.state.PartialState accelerate.state.AcceleratorState
  lightning_fabric.utilities.data.AttributeDict lightning.fabric.utilities.data.AttributeDict
  pytorch_lightning.utilities.parsing.AttributeDict deepspeed.utils.tensor_fragment.fragment_address
  deepspeed.runtime.zero.config.ZeroStageEnum deepspeed.runtime.fp16.loss_scaler.LossScaler
  deepspeed.runtime.fp16.loss_scaler.DynamicLossScaler
`),
)

/** Families of plain classes: enumerations, dataclasses, modules and optimizers, whose making runs nothing of the file's choice. */
const FAMILIES = [
  /^numpy\.(bool_?|u?int(8|16|32|64|p|c)|float(16|32|64)|longdouble|complex(64|128)|str_|bytes_|datetime64|timedelta64)$/,
  /^numpy\.dtypes\.[A-Z]\w*DType$/,
  /^torch\.(cuda\.)?(sparse\.)?[A-Z][A-Za-z0-9]*(Tensor|Storage)$/,
  /^torch\.nn\.modules\.\w+\.[A-Z]\w*$/,
  /^torch\.optim\.(\w+\.)?[A-Z]\w*$/,
  /^torch\.distributed\.(checkpoint|_shard\.sharded_tensor|_shard\.checkpoint)\.metadata\._?[A-Z]\w*$/,
  /^torch\.distributed\._shard\.sharding_spec\.(\w+\.)*[A-Z]\w*$/,
  /^torch\.distributed\.(_tensor|tensor)(\.api|\._api|\.placement_types|\._dtensor_spec)?\._?[A-Z]\w*$/,
  /^torch\.(ao\.)?(nn\.)?quantiz(ation|ed)(\.\w+)*\.[A-Z]\w*$/,
  /^transformers\.trainer_utils\.[A-Z]\w*$/,
  /^accelerate\.utils\.dataclasses\.[A-Z]\w*$/,
]

/** `path` as Python 3 spells it: module and name joined by a dot. */
export function isKnownSafe(path: string): boolean {
  return WEIGHTS_ONLY.has(path) || SAFE.has(path) || FAMILIES.some((family) => family.test(path))
}

function words(text: string): string[] {
  return text.trim().split(/\s+/)
}
