import { type DType, isComplex, itemSize } from '../../checkpoint/dtype'
import { decodeValues } from '../decode-values'
import { type Lanes, PLACE, type Simd, STEP_BYTES, STEP_WIDENED, type Wide } from './module'

const LANES: Partial<Record<DType, Lanes>> = { float32: 'F32', float16: 'F16', bfloat16: 'BF16', float64: 'F64' }

/** Dtypes that need all of float64, or have values that not even that can hold. */
const WIDE: ReadonlySet<DType> = new Set<DType>(['float64', 'int32', 'uint32', 'int64', 'uint64'])

/** Whether there are kernels for a dtype: not for complex numbers and packed pairs, which the reference sees to. */
export function hasLanes(dtype: DType): boolean {
  return !isComplex(dtype) && dtype !== 'float4_e2m1fn_x2'
}

/** The kernel that takes the dtype as it is, if there is one. */
export function lanesOf(dtype: DType): Lanes | undefined {
  return LANES[dtype]
}

export function wideOf(...dtypes: DType[]): Wide {
  return dtypes.some((dtype) => WIDE.has(dtype)) ? 'F64' : 'F32'
}

/** Elements that are worked on at a time. */
export function stepOf(...dtypes: DType[]): number {
  const native = dtypes.every((dtype) => dtype === dtypes[0] && LANES[dtype])
  return native ? STEP_BYTES / itemSize(dtypes[0] as DType) : STEP_WIDENED
}

/** Elements to the next multiple of eight. */
export function padded(n: number): number {
  return Math.ceil(n / 8) * 8
}

/** Puts the bytes of a block to where kernels look for them, unless they were read there. Zeros follow. */
export function place({ bytes }: Simd, block: Uint8Array, at: number, size: number): void {
  if (block.buffer !== bytes.buffer || block.byteOffset !== at) bytes.set(block, at)
  bytes.fill(0, at + block.length, at + padded(block.length / size) * size)
}

let tabled: DType | undefined

/** Widens n elements, eight and eight, exactly (64-bit integers to the nearest). Returns where they are: `from` where they were wide. */
export function widen(simd: Simd, dtype: DType, from: number, n: number, to: number, wide: Wide): number {
  const { run } = simd
  if (dtype === 'float64' || (dtype === 'float32' && wide === 'F32')) return from
  const all = padded(n)
  if (dtype === 'float32') simd.bytes.copyWithin(to, from, from + all * 4)
  else if (dtype === 'float16') run.widenF16(from, all, to)
  else if (dtype === 'bfloat16') run.widenBF16(from, all, to)
  else if (dtype === 'int16') run.widenI16(from, all, to)
  else if (dtype === 'uint16') run.widenU16(from, all, to)
  else if (dtype === 'int32') run.widenI32(from, all, to)
  else if (dtype === 'uint32') run.widenU32(from, all, to)
  else if (dtype === 'int64') run.widenI64(from, all, to)
  else if (dtype === 'uint64') run.widenU64(from, all, to)
  else {
    if (tabled !== dtype) simd.table.set(decodeValues(dtype, PATTERNS))
    tabled = dtype
    run.widenTable(from, all, to, PLACE.table)
  }
  if (wide === 'F64' && !WIDE.has(dtype)) run.widenF32(to, all, to)
  return to
}

const PATTERNS = Uint8Array.from({ length: 256 }, (_, pattern) => pattern)
