import type { DType } from '../checkpoint/dtype'
import { AssayError } from '../errors'
import { fieldsOf, type Plain } from './plain'
import { parsePythonLiteral } from './python-literal'

export const NPY_MAGIC: readonly number[] = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]

/** Bytes of a file within which its header must end. numpy itself refuses headers beyond 10,000. */
export const NPY_HEAD = 1 << 16

/** numpy 2 (NPY_MAXDIMS). */
const MOST_DIMENSIONS = 64

export interface NpyHeader {
  readonly shape: readonly number[]
  readonly fortranOrder: boolean
  readonly bigEndian: boolean
  /** Undefined for elements that are no numbers of a known type. */
  readonly dtype: DType | undefined
  /** The element type in words: `float32`, `Python objects`, `records of x <f4, y <i8`. */
  readonly what: string
  /** Whether the data is a pickle. */
  readonly pickled: boolean
  /** Byte offset of the data. */
  readonly dataOffset: number
}

const NUMBERS: { readonly [code: string]: DType } = {
  b1: 'bool',
  i1: 'int8',
  i2: 'int16',
  i4: 'int32',
  i8: 'int64',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  u8: 'uint64',
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
  c8: 'complex64',
  c16: 'complex128',
}

/** Kinds of elements that are no numbers torch knows, by the first letter of their code (numpy, `dtype.kind`). */
const KINDS: { readonly [letter: string]: string } = {
  O: 'Python objects',
  S: 'byte strings',
  a: 'byte strings',
  U: 'texts',
  M: 'dates',
  m: 'durations',
  V: 'raw bytes (ml_dtypes saves bfloat16 as V2)',
  f: 'floats of extended precision',
  c: 'complex numbers of extended precision',
}

/**
 * Reads the header of a .npy file from its first bytes: magic, version, length, and a Python dict that is parsed and never
 * evaluated (numpy/lib/format.py 2.4, versions 1.0, 2.0 and 3.0). `name` is for messages. Throws AssayError
 * `file/truncated` when `head` ends before the header does and `file/bad-header` when it makes no sense.
 */
export function parseNpyHeader(head: Uint8Array, name: string): NpyHeader {
  const refuse = (code: string, message: string): never => {
    throw new AssayError(code, `${name} ${message}`, { file: name, offset: 0 })
  }
  if (!NPY_MAGIC.every((byte, i) => head[i] === byte)) return refuse('file/bad-header', 'does not begin as .npy')
  const version = head[6]
  if (version !== undefined && (version < 1 || version > 3)) refuse('file/bad-header', `is .npy of version ${version}`)
  const start = version === 1 ? 10 : 12
  if (head.length < start) return refuse('file/truncated', 'ends inside its header')
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  const dataOffset = start + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true))
  if (dataOffset > NPY_HEAD) refuse('file/bad-header', `claims a header of ${dataOffset - start} bytes`)
  if (dataOffset > head.length) refuse('file/truncated', 'ends inside its header')

  const text = new TextDecoder(version === 3 ? 'utf-8' : 'latin1').decode(head.subarray(start, dataOffset))
  const fields = fieldsOf(parsePythonLiteral(text, name))
  const shape = Array.isArray(fields?.shape) ? fields.shape : undefined
  const descr = fields?.descr
  if (!shape?.every(isExtent) || shape.length > MOST_DIMENSIONS || descr === undefined) {
    return refuse('file/bad-header', 'has a header without a usable shape and descr')
  }
  const count = shape.reduce((product, extent) => product * Math.max(extent, 1), 1)
  if (!Number.isSafeInteger(count)) refuse('file/bad-header', `claims the shape [${shape.join(', ')}]`)
  const element = elementOf(descr)
  return { ...element, shape, fortranOrder: fields?.fortran_order === true, dataOffset }
}

function isExtent(value: Plain): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function elementOf(descr: Plain): Pick<NpyHeader, 'bigEndian' | 'dtype' | 'what' | 'pickled'> {
  if (typeof descr !== 'string') {
    const fields = Array.isArray(descr) ? descr.slice(0, 8).map(fieldText) : []
    return { bigEndian: false, dtype: undefined, what: `records of ${fields.join(', ')}`, pickled: holdsObjects(descr) }
  }
  const code = descr.replace(/^[<>|=]/, '')
  const dtype = Object.hasOwn(NUMBERS, code) ? NUMBERS[code] : undefined
  const what = dtype ?? KINDS[code.charAt(0)] ?? 'elements of an unknown type'
  return { bigEndian: descr.startsWith('>'), dtype, what, pickled: code.startsWith('O') }
}

function fieldText(field: Plain): string {
  if (!Array.isArray(field)) return String(field)
  const [name, type] = field
  return `${Array.isArray(name) ? name[1] : name} ${typeof type === 'string' ? type : 'records'}`
}

/** A record with one object in it is pickled whole. */
function holdsObjects(descr: Plain): boolean {
  if (typeof descr === 'string') return /^[<>|=]?O/.test(descr)
  return Array.isArray(descr) && descr.some((field) => Array.isArray(field) && holdsObjects(field[1] ?? null))
}
