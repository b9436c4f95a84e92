import type { DType } from '../../checkpoint/dtype'
import { bytesOf } from './calls'
import { numpyDtypeOf } from './numpy'
import { dimensions, rowMajor, type TorchTensor } from './torch-tensor'
import { PyGlobal, PyObject, PyTuple, type PyValue, sequenceOf } from './value'

const DTYPES: Readonly<Record<string, DType>> = {
  b1: 'bool',
  u1: 'uint8',
  i1: 'int8',
  u2: 'uint16',
  i2: 'int16',
  u4: 'uint32',
  i4: 'int32',
  u8: 'uint64',
  i8: 'int64',
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
  c8: 'complex64',
  c16: 'complex128',
}

/** An array's values lie in the pickle itself, where they need not be little endian. */
export interface NumpyTensor extends TorchTensor {
  readonly bigEndian?: boolean
}

/**
 * A NumPy array of numbers: `_reconstruct(...)` with its BUILD state (version, shape, dtype, is_fortran, bytes), protocol 5's
 * `_frombuffer(bytes, dtype, shape, order)`, or the array in `torch._utils._rebuild_device_tensor_from_numpy`. Undefined for
 * arrays of objects, texts or records, and for one whose bytes do not fit its shape. Source: NumPy 2, numpy/_core/src/multiarray/methods.c.
 */
export function numpyTensorOf(value: PyValue | undefined): NumpyTensor | undefined {
  if (!(value instanceof PyObject) || !(value.callable instanceof PyGlobal)) return undefined
  const args = sequenceOf(value.args) ?? []
  switch (value.callable.path.replace('numpy._core.', 'numpy.core.')) {
    case 'numpy.core.multiarray._reconstruct': {
      const [, shape, dtype, fortran, content] = value.state instanceof PyTuple ? value.state.items : []
      return arrayOf(content, dtype, shape, fortran === true)
    }
    case 'numpy.core.numeric._frombuffer':
      return arrayOf(args[0], args[1], args[2], args[3] === 'F')
    case 'torch._utils._rebuild_device_tensor_from_numpy':
    case 'torch._utils._rebuild_xla_tensor': {
      const array = numpyTensorOf(args[0])
      return array && { ...array, requiresGrad: args[3] === true }
    }
    default:
      return undefined
  }
}

function arrayOf(
  content: PyValue | undefined,
  type: PyValue | undefined,
  size: PyValue | undefined,
  fortran: boolean,
): NumpyTensor | undefined {
  const numpy = numpyDtypeOf(type)
  const dtype = numpy && DTYPES[numpy.code]
  const dims = dimensions(size)
  const inline = bytesOf(content)
  if (numpy === undefined || dtype === undefined || dims === undefined || inline === undefined) return undefined
  const count = dims.shape.reduce((product, extent) => product * extent, 1)
  if (inline.length !== count * Number(numpy.code.slice(1))) return undefined
  const { shape } = dims
  const strides = fortran ? rowMajor([...shape].reverse()).reverse() : dims.strides
  const storage = { key: '', dtype, numel: count, byteLength: inline.length, location: 'cpu', inline }
  const tensor = { dtype, shape, strides, offset: 0, storage, requiresGrad: false, hasData: true }
  return { ...tensor, ...(numpy.bigEndian && { bigEndian: true }) }
}
