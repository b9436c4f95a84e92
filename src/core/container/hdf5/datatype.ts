import type { DType } from '../../checkpoint/dtype'
import type { Fields } from './fields'

/** The type of a dataset's or an attribute's elements. */
export interface Hdf5Type {
  /** Undefined for elements that are no numbers of a known type. */
  readonly dtype: DType | undefined
  /** In words: `float32`, `texts`, `records`. */
  readonly what: string
  /** Bytes of an element. */
  readonly size: number
  readonly bigEndian: boolean
  /** `fixed`: a text of `size` bytes. `variable`: a length and a place in a global heap. */
  readonly text?: 'fixed' | 'variable'
}

/** Classes that are no numbers, by their number. */
const CLASSES: readonly string[] = [
  'integers of an unknown size',
  'floats of an unknown form',
  'times',
  'texts',
  'bit fields',
  'raw bytes',
  'records',
  'references',
  'an enumeration',
  'lists of any length',
  'arrays',
  'complex numbers',
]

const INTEGERS: { readonly [size: number]: readonly [unsigned: DType, signed: DType] } = {
  1: ['uint8', 'int8'],
  2: ['uint16', 'int16'],
  4: ['uint32', 'int32'],
  8: ['uint64', 'int64'],
}

/** Floats by their size in bytes and the widths of exponent and mantissa in bits. */
const FLOATS: { readonly [form: string]: DType } = {
  '1 4 3': 'float8_e4m3fn',
  '1 5 2': 'float8_e5m2',
  '2 5 10': 'float16',
  '2 8 7': 'bfloat16',
  '4 8 23': 'float32',
  '8 11 52': 'float64',
}

/** Types in types. */
const DEEPEST = 4

/**
 * Reads a datatype message, or the datatype inside another message (HDF5 File Format Specification 3.0, IV.A.2.d). Complex
 * numbers are records of two floats `r` and `i`, truth values an enumeration of FALSE and TRUE, as h5py writes both (h5py 3.16,
 * h5t.pyx). Throws AssayError `file/bad-header`.
 */
export function readDatatype(fields: Fields, depth = 0): Hdf5Type {
  if (depth > DEEPEST) fields.fail(`more than ${DEEPEST} datatypes lie one in another`)
  const first = fields.u8()
  const bits = fields.uint(3)
  const size = fields.u32()
  const kind = first & 15
  const plain = { dtype: undefined, what: CLASSES[kind] ?? `elements of class ${kind}`, size, bigEndian: false }
  const ordered = { ...plain, bigEndian: (bits & 1) !== 0 }
  switch (kind) {
    case 0:
      return named(ordered, fields, INTEGERS[size]?.[bits & 8 ? 1 : 0])
    case 1:
      // Bit 6 set marks the order of the VAX, which no library for tensors has.
      return bits & 64 ? plain : named(ordered, fields, floatOf(fields, size))
    case 3:
      return { ...plain, text: 'fixed' }
    case 6:
      return { ...plain, ...complexOf(fields, first >> 4, bits & 0xffff, size, depth) }
    case 8: {
      const base = readDatatype(fields, depth + 1)
      const truth = base.size === 1 && (bits & 0xffff) === 2 && fields.text(first >> 4 < 3 ? 8 : 1) === 'FALSE'
      return truth ? { ...base, dtype: 'bool', what: 'bool' } : base
    }
    case 9:
      return (bits & 15) === 1 ? { ...plain, what: 'texts', text: 'variable' } : plain
    default:
      return plain
  }
}

/** Numbers that fill their bytes; others (24 bits in 4 bytes) are no type that is read. */
function named(type: Hdf5Type, fields: Fields, dtype: DType | undefined): Hdf5Type {
  if (type.what === CLASSES[0] && (fields.u16() !== 0 || fields.u16() !== type.size * 8)) return type
  return dtype === undefined ? type : { ...type, dtype, what: dtype }
}

function floatOf(fields: Fields, size: number): DType | undefined {
  fields.skip(5)
  const exponent = fields.u8()
  fields.skip(1)
  const mantissa = fields.u8()
  fields.skip(4)
  return FLOATS[`${size} ${exponent} ${mantissa}`]
}

function complexOf(
  fields: Fields,
  version: number,
  members: number,
  size: number,
  depth: number,
): Partial<Hdf5Type> | undefined {
  if (members !== 2 || version > 3) return undefined
  const parts: Hdf5Type[] = []
  for (const name of ['r', 'i']) {
    if (fields.text(version < 3 ? 8 : 1) !== name) return undefined
    // An offset of a member in a record of up to 255 bytes has one byte from version 3 on.
    const at = fields.uint(version < 3 ? 4 : 1)
    if (at !== (size / 2) * parts.length || size > 255) return undefined
    if (version === 1) fields.skip(28)
    parts.push(readDatatype(fields, depth + 1))
  }
  const [real, imaginary] = parts
  const dtype = COMPLEX[real?.dtype ?? '']
  const alike = real?.dtype === imaginary?.dtype && real?.bigEndian === imaginary?.bigEndian
  return dtype && alike ? { dtype, what: dtype, bigEndian: real?.bigEndian ?? false } : undefined
}

const COMPLEX: { readonly [part: string]: DType } = {
  float16: 'complex32',
  float32: 'complex64',
  float64: 'complex128',
}

/** Most dimensions of a dataset (H5S_MAX_RANK). */
const MOST_DIMENSIONS = 32

/** Extents in a dataspace message, versions 1 and 2: none for a scalar, undefined for a null space. Throws `file/bad-header`. */
export function readDataspace(fields: Fields): number[] | undefined {
  const version = fields.u8()
  const rank = fields.u8()
  fields.skip(1)
  if (version !== 1 && version !== 2) fields.fail(`a dataspace has version ${version}; versions 1 and 2 are known`)
  if (rank > MOST_DIMENSIONS) fields.fail(`a dataspace has ${rank} dimensions; HDF5 allows ${MOST_DIMENSIONS}`)
  if (version === 2 && fields.u8() === 2) return undefined
  if (version === 1) fields.skip(5)
  const shape = Array.from({ length: rank }, () => fields.length())
  if (!shape.every(Number.isSafeInteger)) fields.fail(`the shape [${shape.join(', ')}] is beyond all measure`)
  return shape
}
