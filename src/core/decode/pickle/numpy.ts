import type { Plain } from '../plain'
import { bytesOf } from './calls'
import { PyGlobal, PyObject, PyTuple, type PyValue, sequenceOf } from './value'

/** A NumPy element type: `f4` of 4 bytes, with its byte order. */
export interface NumpyDtype {
  /** Kind and size as NumPy writes them: `f8`, `i4`, `u1`, `b1` ... */
  readonly code: string
  readonly bigEndian: boolean
}

const NAMES: Readonly<Record<string, string>> = { f: 'float', i: 'int', u: 'uint', c: 'complex' }

/** `float32`, `uint8`, `bool` ...; the code itself for what has no such name. */
function numpyTypeName({ code }: NumpyDtype): string {
  const name = NAMES[code[0] as string]
  if (code === 'b1') return 'bool'
  return name === undefined ? code : `${name}${Number(code.slice(1)) * 8}`
}

/** `numpy.dtype('f4', False, True)` with its BUILD state `(3, '<', ...)`. */
export function numpyDtypeOf(value: PyValue | undefined): NumpyDtype | undefined {
  if (!(value instanceof PyObject) || !(value.callable instanceof PyGlobal)) return undefined
  if (value.callable.path !== 'numpy.dtype') return undefined
  const code = sequenceOf(value.args)?.[0]
  if (typeof code !== 'string' || !/^[a-zA-Z?]\d*$/.test(code)) return undefined
  return { code, bigEndian: sequenceOf(value.state)?.[1] === '>' }
}

/** The number or the text in `multiarray.scalar(dtype, bytes)`. Undefined when the bytes do not fit the dtype or it is neither. */
export function numpyScalarOf(_: PyObject, args: readonly PyValue[]): Plain | undefined {
  const dtype = numpyDtypeOf(args[0])
  const bytes = bytesOf(args[1])
  if (dtype === undefined || bytes === undefined) return undefined
  const isText = dtype.code.startsWith('U')
  if (bytes.length !== Number(dtype.code.slice(1)) * (isText ? 4 : 1)) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const little = !dtype.bigEndian
  if (isText) return textOf(view, little)
  switch (dtype.code) {
    case 'f2':
      return halfOf(view.getUint16(0, little))
    case 'f8':
      return view.getFloat64(0, little)
    case 'f4':
      return view.getFloat32(0, little)
    case 'b1':
      return view.getUint8(0) !== 0
    case 'i1':
      return view.getInt8(0)
    case 'u1':
      return view.getUint8(0)
    case 'i2':
      return view.getInt16(0, little)
    case 'u2':
      return view.getUint16(0, little)
    case 'i4':
      return view.getInt32(0, little)
    case 'u4':
      return view.getUint32(0, little)
    case 'i8':
      return narrow(view.getBigInt64(0, little))
    case 'u8':
      return narrow(view.getBigUint64(0, little))
    default:
      return undefined
  }
}

/** A text of NumPy: four bytes for each character, zeros at the end. Undefined where one is none of Unicode's. */
function textOf(view: DataView, little: boolean): string | undefined {
  let text = ''
  for (let at = 0; at < view.byteLength; at += 4) {
    const point = view.getUint32(at, little)
    if (point > 0x10ffff) return undefined
    text += String.fromCodePoint(point)
  }
  return text.replace(/\0+$/, '')
}

function halfOf(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 0x1f, bits & 0x3ff]
  const size =
    exponent === 0x1f
      ? fraction === 0
        ? Number.POSITIVE_INFINITY
        : Number.NaN
      : exponent === 0
        ? fraction * 2 ** -24
        : (1 + fraction / 1024) * 2 ** (exponent - 15)
  return bits & 0x8000 ? -size : size
}

/**
 * `ndarray uint32 [624]` for `_reconstruct(...)` with its BUILD state (version, shape, dtype, is_fortran, data), or for
 * protocol 5's `_frombuffer(data, dtype, shape, order)`.
 */
export function numpyArrayText(node: PyObject, args: readonly PyValue[]): string | undefined {
  const state = node.state instanceof PyTuple ? node.state.items : []
  const [dtype, shape] = args.length === 4 ? [args[1], args[2]] : [state[2], state[1]]
  const type = numpyDtypeOf(dtype)
  const extents = sequenceOf(shape)
  if (type === undefined || extents === undefined) return undefined
  return `ndarray ${numpyTypeName(type)} [${extents.filter((extent) => typeof extent === 'number').join(', ')}]`
}

function narrow(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}
