import { type DType, itemSize } from '../../checkpoint/dtype'
import { rowMajor } from './torch-tensor'
import { PyDict, PyGlobal, PyObject, PyPersistent, PyTuple } from './value'

const REBUILD = new PyGlobal('torch._utils', '_rebuild_tensor_v3')
const STORAGE = new PyGlobal('torch.storage', 'UntypedStorage')

const NO_HOOKS = new PyDict()
const TYPES = new Map<DType, PyGlobal>()
/** Size and strides of the tensors that share a list as their shape. */
const LAYOUTS = new WeakMap<readonly number[], readonly PyTuple[]>()

/**
 * The value that stands for a contiguous tensor over the whole of storage `key`, where no pickle says it: of a tensor that was saved in
 * pieces. One form for all dtypes: `_rebuild_tensor_v3` over an untyped storage.
 */
export function wholeTensorValue(dtype: DType, shape: readonly number[], key: string, requiresGrad = false): PyObject {
  const bytes = shape.reduce((product, extent) => product * extent, itemSize(dtype))
  const storage = new PyPersistent(new PyTuple(['storage', STORAGE, key, 'cpu', bytes]))
  const layout = LAYOUTS.get(shape) ?? [new PyTuple(shape), new PyTuple(rowMajor(shape))]
  LAYOUTS.set(shape, layout)
  const args = [storage, 0, ...layout, requiresGrad, NO_HOOKS, typeOf(dtype)]
  return new PyObject(REBUILD, new PyTuple(args), 'reduce')
}

/** One value for each dtype, as one pickle has: a checkpoint has a hundred thousand tensors. */
function typeOf(dtype: DType): PyGlobal {
  const known = TYPES.get(dtype) ?? new PyGlobal('torch', dtype)
  TYPES.set(dtype, known)
  return known
}
