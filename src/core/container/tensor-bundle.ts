import type { ByteSource } from '../bytes/source'
import type { DType } from '../checkpoint/dtype'
import { protoFields } from '../decode/protobuf'
import { AssayError } from '../errors'
import { tableEntries } from './table'

/** A tensor of a TensorFlow checkpoint. */
export interface BundleTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: DType | undefined
  /** Type in words. */
  readonly what: string
  /** Number of the data file, byte offset in it, and bytes of the values. */
  readonly shard: number
  readonly offset: number
  readonly size: number
  /** Its values are kept as slices under other keys. */
  readonly sliced: boolean
}

export interface Bundle {
  /** Data files. */
  readonly shards: number
  readonly bigEndian: boolean
  readonly tensors: readonly BundleTensor[]
}

/** Types by their number (tensorflow 2.21, framework/types.proto). */
const TYPES: ReadonlyMap<number, DType> = new Map<number, DType>([
  [1, 'float32'],
  [2, 'float64'],
  [3, 'int32'],
  [4, 'uint8'],
  [5, 'int16'],
  [6, 'int8'],
  [8, 'complex64'],
  [9, 'int64'],
  [10, 'bool'],
  [14, 'bfloat16'],
  [17, 'uint16'],
  [18, 'complex128'],
  [19, 'float16'],
  [22, 'uint32'],
  [23, 'uint64'],
  [24, 'float8_e5m2'],
  [25, 'float8_e4m3fn'],
])
const TEXT = 7

const MOST_DIMENSIONS = 254

/**
 * The index of a TensorFlow checkpoint: a table whose first key, empty, has the header, and each other one a tensor's entry
 * (tensorflow 2.21, tensor_bundle.proto). Undefined for a table of something else. Throws AssayError as `tableEntries`.
 */
export async function readBundle(source: ByteSource): Promise<Bundle | undefined> {
  const tensors: BundleTensor[] = []
  let header: Pick<Bundle, 'shards' | 'bigEndian'> | undefined
  for await (const { key, value } of tableEntries(source)) {
    if (!header) {
      if (key.length > 0) return undefined
      header = headerOf(value)
      continue
    }
    // Keys of slices are no names: they begin with a zero byte.
    if (key[0] !== 0) tensors.push(entryOf(new TextDecoder().decode(key), value, source.name))
  }
  return header && { ...header, tensors }
}

function headerOf(message: Uint8Array): Pick<Bundle, 'shards' | 'bigEndian'> {
  let shards = 0
  let bigEndian = false
  for (const { number, varint } of protoFields(message)) {
    if (number === 1) shards = varint ?? 0
    else if (number === 2) bigEndian = varint === 1
  }
  return { shards, bigEndian }
}

function entryOf(name: string, message: Uint8Array, file: string): BundleTensor {
  const numbers = new Map<number, number>()
  let shape: readonly number[] = []
  let sliced = false
  for (const { number, varint, bytes } of protoFields(message)) {
    if (varint !== undefined) numbers.set(number, varint)
    else if (number === 2 && bytes) shape = shapeOf(bytes)
    else if (number === 7) sliced = true
  }
  const [type, shard, offset, size] = [1, 3, 4, 5].map((number) => numbers.get(number) ?? 0) as [
    number,
    number,
    number,
    number,
  ]
  if ([shard, offset, size, ...shape].some((value) => value < 0) || shape.length > MOST_DIMENSIONS) {
    throw new AssayError('file/bad-header', `${file}: the entry of ${JSON.stringify(name)} makes no sense`, { file })
  }
  const dtype = TYPES.get(type)
  return { name, shape, dtype, what: dtype ?? (type === TEXT ? 'texts' : `type ${type}`), shard, offset, size, sliced }
}

/** TensorShapeProto: 2 dim, of which 1 is the extent. */
function shapeOf(message: Uint8Array): number[] {
  const shape: number[] = []
  for (const { number, bytes } of protoFields(message)) {
    if (number !== 2 || !bytes) continue
    let extent = 0
    for (const field of protoFields(bytes)) if (field.number === 1) extent = field.varint ?? 0
    shape.push(extent)
  }
  return shape
}
