import { fromBase64 } from '../../bytes/base64'
import { plain, relaxed } from './binary'

/** As much of the engine's interface as is used; the types of Node do not have it. */
declare const WebAssembly: {
  validate(code: Uint8Array): boolean
  readonly Memory: new (pages: { initial: number }) => { readonly buffer: ArrayBuffer }
  readonly Module: new (code: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
}

/** `F32` and the like name kernels that take a dtype as it is stored. */
export type Lanes = 'F32' | 'F16' | 'BF16' | 'F64'
/** What everything else is widened to first. */
export type Wide = 'F32' | 'F64'

type Measure = (a: number, n: number, out: number) => void
type CountSmall = (a: number, n: number, normal: number, out: number) => void
type Compare = (a: number, b: number, n: number, scratch: number, out: number) => void
type Widen = (from: number, n: number, to: number) => void
type CountExponents = (a: number, n: number, counts: number) => void
type DrawCells = (a: number, n: number, cell: number, column: number, edges: number, cells: number) => void
type Bins = (a: number, n: number, low: number, high: number, perHalf: number, bins: number, counts: number) => void

/** What `assembly/` exports: addresses are bytes from the start of the memory, `n` counts elements. */
export interface Exports {
  readonly measureF32: Measure
  readonly measureF64: Measure
  readonly measureAroundF32: Measure
  readonly measureAroundF64: Measure
  readonly countSmallF32: CountSmall
  readonly countSmallF64: CountSmall
  checksumBegin(state: number): void
  checksum(a: number, n: number, state: number): void
  tally8(a: number, n: number, counts: number): void
  tally16(a: number, n: number, counts: number): void
  collect8(counts: number, to: number): number
  collect16(counts: number, to: number): number
  readonly compareF32: Compare
  readonly compareF16: Compare
  readonly compareBF16: Compare
  readonly compareF64: Compare
  dotF32(a: number, b: number, n: number): number
  dotF64(a: number, b: number, n: number): number
  beyondF32(a: number, b: number, n: number, atol: number, rtol: number): number
  beyondF64(a: number, b: number, n: number, atol: number, rtol: number): number
  differing64(a: number, b: number, n: number): number
  furthest16(a: number, b: number, n: number, special: number): number
  furthest32(a: number, b: number, n: number): number
  furthest64(a: number, b: number, n: number): number
  readonly exponentsF32: CountExponents
  readonly exponentsF64: CountExponents
  readonly cellsF32: DrawCells
  readonly cellsF64: DrawCells
  readonly histogramF32: Bins
  readonly histogramF64: Bins
  widenTable(from: number, n: number, to: number, table: number): void
  readonly widenF16: Widen
  readonly widenBF16: Widen
  readonly widenI16: Widen
  readonly widenU16: Widen
  readonly widenI32: Widen
  readonly widenU32: Widen
  readonly widenI64: Widen
  readonly widenU64: Widen
  readonly widenF32: Widen
  settleF32(a: number, n: number, out: number): void
  settleF64(a: number, n: number, out: number): void
  settlePairsF32(a: number, b: number, n: number, out: number): void
  settlePairsF64(a: number, b: number, n: number, out: number): void
}

/** Bytes of one side that are worked on at a time: both sides stay in a core's second cache of 2 MiB. */
export const STEP_BYTES = 2 ** 19
/** Elements at a time where they are widened, to 8 bytes at most. */
export const STEP_WIDENED = STEP_BYTES / 8
/** Kernels take eight elements at once: what is short of that is filled up. */
const PADDING = 64
const AREA = STEP_BYTES + PADDING
/** A step of 16-bit floats is twice as long in float32. */
const WIDE_AREA = 2 * STEP_BYTES + PADDING
/** Two for each pattern of 16 bits. */
const COUNT_WORDS = 2 * 2 ** 16
/** Cells of a picture either way, at most, that there is room for. */
export const MOST_CELLS = 1024
const PAGE = 2 ** 16

/** Where everything is in the memory: byte addresses. */
export const PLACE = {
  out: 0,
  table: 1024,
  edges: 4096,
  a: PAGE,
  b: PAGE + AREA,
  wideA: PAGE + 2 * AREA,
  wideB: PAGE + 2 * AREA + WIDE_AREA,
  counts: PAGE + 2 * AREA + 2 * WIDE_AREA,
} as const

/** The kernels and their memory: one for each thread. Nothing in it outlives a call. */
export interface Simd {
  readonly run: Exports
  readonly bytes: Uint8Array
  /** What kernels write their results to. */
  readonly out: Float64Array
  /** 256 values of float32. */
  readonly table: Float32Array
  readonly counts: Uint32Array
  /** Columns that the cells of a picture begin at. */
  readonly edges: Int32Array
}

let known: Simd | undefined

/** The kernels; undefined where the engine has no SIMD. */
export function simd(): Simd | undefined {
  known ??= instantiate()
  return known
}

function instantiate(): Simd | undefined {
  const binary = [relaxed, plain].map(fromBase64).find((code) => code.length > 0 && WebAssembly.validate(code))
  if (!binary) return undefined
  const memory = new WebAssembly.Memory({ initial: Math.ceil((PLACE.counts + COUNT_WORDS * 4) / PAGE) })
  const module = new WebAssembly.Module(binary)
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  return {
    run: exports as Exports,
    bytes: new Uint8Array(memory.buffer),
    out: new Float64Array(memory.buffer, PLACE.out, 8),
    table: new Float32Array(memory.buffer, PLACE.table, 256),
    counts: new Uint32Array(memory.buffer, PLACE.counts, COUNT_WORDS),
    edges: new Int32Array(memory.buffer, PLACE.edges, MOST_CELLS + 1),
  }
}
