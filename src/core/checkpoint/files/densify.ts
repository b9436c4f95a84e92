import type { ByteSource } from '../../bytes/source'
import type { SparseLayout } from '../../decode/pickle/torch-tensor'
import { AssayError } from '../../errors'
import { type DType, itemSize } from '../dtype'
import { byteLength, contiguousStrides, numel, type Tensor } from '../tensor'
import { readAll } from '../values'

/** A sparse tensor, its parts not read yet. */
export interface Sparse {
  readonly name: string
  readonly layout: SparseLayout
  /** Of the dense form. */
  readonly shape: readonly number[]
  /** int64 [sparse dimensions, entries] of COO; else int64 [..., entries] within the compressed row, column or block row. */
  readonly indices: Tensor
  /** int64 [..., rows + 1], counting entries up. Only in the compressed layouts. */
  readonly compressed?: Tensor
  readonly values: Tensor
}

/** Bytes of indices and values that are held at once: what a sparse tensor needs to be shown dense. */
const MOST_STORED = 128 << 20
/** The dense form of a few values may be vast; beyond this many bytes it is shown only where it is not mostly nothing. */
const MOST_DENSE = 2 ** 32
const MOST_GROWTH = 4096
/** Runs of values between zeros: a column of indices, a row of a block. */
const MOST_RUNS = 2 ** 24

/** Whether the dense form is of a size that can be made. */
export function canDensify({ layout, shape, indices, compressed, values }: Sparse): boolean {
  const stored = [indices, values, ...(compressed ? [compressed] : [])]
  if (stored.some((part) => part.blocks.length === 0 && numel(part.shape) > 0)) return false
  const bytes = stored.reduce((sum, part) => sum + byteLength(part), 0)
  const dense = byteLength({ dtype: values.dtype, shape })
  if (bytes > MOST_STORED || (dense > MOST_DENSE && dense > bytes * MOST_GROWTH)) return false
  return stored.slice(0, 1).every(isIndex) && (compressed ? isIndex(compressed) : layout === 'sparse_coo')
}

function isIndex({ dtype }: Tensor): boolean {
  return dtype === 'int64' || dtype === 'int32'
}

/** The entries in the order of the dense form: where each run of `length` elements goes, and where it comes from. */
interface Runs {
  readonly length: number
  readonly to: Float64Array
  readonly from: Float64Array
  /** The values, contiguous and little endian. */
  readonly bytes: Uint8Array
}

/**
 * The dense, row-major form of a sparse tensor as a source of bytes. Its parts are read at the first read and kept until
 * `close`; between entries there are zeros. Entries that a COO tensor names several times are added up, as torch's
 * `to_dense` does. Reads throw `file/bad-header` where an index lies outside the shape, or the parts do not fit together.
 */
export function denseSource(sparse: Sparse): ByteSource {
  const item = itemSize(sparse.values.dtype)
  let runs: Promise<Runs> | undefined
  return {
    name: `${sparse.values.file}:${sparse.name}`,
    size: numel(sparse.shape) * item,
    async read(offset, target) {
      runs ??= runsOf(sparse)
      fill(target, offset, await runs, item)
    },
    close() {
      runs = undefined
    },
  }
}

function fill(target: Uint8Array, offset: number, { length, to, from, bytes }: Runs, item: number): void {
  target.fill(0)
  const run = length * item
  const end = offset + target.length
  // The first run that ends behind `offset`.
  let low = 0
  let high = to.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((to[middle] as number) * item + run <= offset) low = middle + 1
    else high = middle
  }
  for (let i = low; i < to.length; i++) {
    const start = (to[i] as number) * item
    if (start >= end) return
    const a = Math.max(start, offset)
    const b = Math.min(start + run, end)
    const source = (from[i] as number) * item - start
    target.set(bytes.subarray(source + a, source + b), a - offset)
  }
}

async function runsOf(sparse: Sparse): Promise<Runs> {
  const [indices, compressed, bytes] = await Promise.all([
    readIndices(sparse.indices),
    sparse.compressed ? readIndices(sparse.compressed) : undefined,
    readAll(sparse.values, MOST_STORED),
  ])
  const entries = compressed ? compressedRuns(sparse, indices, compressed) : coordinateRuns(sparse, indices)
  if (isRising(entries.to)) return { ...entries, bytes }
  const order = Uint32Array.from(entries.to.keys()).sort(
    (a, b) => (entries.to[a] as number) - (entries.to[b] as number) || a - b,
  )
  const to = Float64Array.from(order, (i) => entries.to[i] as number)
  const from = Float64Array.from(order, (i) => entries.from[i] as number)
  return joined({ length: entries.length, to, from, bytes }, sparse)
}

/** Whether every run goes behind the one before it, as in tensors that torch has coalesced. */
function isRising(to: Float64Array): boolean {
  for (let i = 1; i < to.length; i++) if ((to[i] as number) <= (to[i - 1] as number)) return false
  return true
}

/** One place for each run. Throws `file/resource-bomb` for more than can be held. */
function placesFor({ name, values }: Sparse, count: number): Float64Array {
  if (count <= MOST_RUNS) return new Float64Array(count)
  throw new AssayError('file/resource-bomb', `${name}: ${count} runs of values are too many to be shown dense`, {
    file: values.file,
  })
}

type Entries = Pick<Runs, 'length' | 'to' | 'from'>

/** COO: one column of indices an entry, and a run of the dense dimensions for each. */
function coordinateRuns(sparse: Sparse, indices: Float64Array): Entries {
  const { shape, values } = sparse
  const [dimensions = 0, count = 0] = sparse.indices.shape
  const length = numel(shape.slice(dimensions))
  if (dimensions > shape.length || numel(values.shape) !== count * length) throw unfit(sparse)
  const strides = contiguousStrides(shape)
  const to = placesFor(sparse, count)
  for (let d = 0; d < dimensions; d++) {
    for (let i = 0; i < count; i++) {
      const index = indices[d * count + i] as number
      if (!(index >= 0 && index < (shape[d] as number))) throw outside(sparse)
      to[i] = (to[i] as number) + index * (strides[d] as number)
    }
  }
  return { length, to, from: to.map((_, i) => i * length) }
}

/** CSR, CSC, and of blocks BSR, BSC: batches x rows (or columns) x entries, a run for each row of a block. */
function compressedRuns(sparse: Sparse, indices: Float64Array, compressed: Float64Array): Entries {
  const { shape, layout, values } = sparse
  const batchDims = (sparse.compressed as Tensor).shape.length - 1
  const blocked = layout === 'sparse_bsr' || layout === 'sparse_bsc'
  const byColumn = layout === 'sparse_csc' || layout === 'sparse_bsc'
  const count = values.shape[batchDims] ?? 0
  const [high, wide] = blocked ? [values.shape[batchDims + 1] ?? 0, values.shape[batchDims + 2] ?? 0] : [1, 1]
  const [rows = 0, columns = 0, ...dense] = shape.slice(batchDims)
  const depth = numel(dense)
  const batches = numel(shape.slice(0, batchDims))
  const lines = (sparse.compressed as Tensor).shape[batchDims] as number
  const length = wide * depth
  const fits =
    indices.length === batches * count &&
    numel(values.shape) === batches * count * high * length &&
    (lines - 1) * (byColumn ? wide : high) === (byColumn ? columns : rows)
  if (!fits) throw unfit(sparse)

  const to = placesFor(sparse, batches * count * high)
  for (let batch = 0; batch < batches; batch++) {
    let line = 0
    for (let entry = 0; entry < count; entry++) {
      while (line + 1 < lines && (compressed[batch * lines + line + 1] as number) <= entry) line++
      const other = indices[batch * count + entry] as number
      const row = (byColumn ? other : line) * high
      const column = (byColumn ? line : other) * wide
      if (line + 1 >= lines || !(row >= 0 && row + high <= rows && column >= 0 && column + wide <= columns))
        throw outside(sparse)
      const place = (batch * count + entry) * high
      for (let r = 0; r < high; r++) to[place + r] = ((batch * rows + row + r) * columns + column) * depth
    }
  }
  return { length, to, from: to.map((_, i) => i * length) }
}

/** Adds up the entries that go to one place, in the order of the file. */
function joined(runs: Runs, sparse: Sparse): Runs {
  const { length, to, from, bytes } = runs
  let kept = 0
  for (let i = 0; i < to.length; i++) {
    if (kept > 0 && to[kept - 1] === to[i]) {
      addRun(bytes, from[kept - 1] as number, from[i] as number, length, sparse)
      continue
    }
    to[kept] = to[i] as number
    from[kept] = from[i] as number
    kept++
  }
  return { length, to: to.subarray(0, kept), from: from.subarray(0, kept), bytes }
}

type Numbers = Float64Array | Float32Array | Int32Array | Int16Array | Int8Array | Uint8Array | BigInt64Array

/** Element types that are added as torch adds them: in their own width. */
const ADDABLE: { readonly [dtype in DType]?: new (buffer: ArrayBufferLike) => Numbers } = {
  float64: Float64Array,
  float32: Float32Array,
  complex128: Float64Array,
  complex64: Float32Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint8: Uint8Array,
}

function addRun(bytes: Uint8Array, target: number, source: number, length: number, { values, name }: Sparse): void {
  const Numbers = ADDABLE[values.dtype]
  if (Numbers === undefined) {
    throw new AssayError('file/bad-header', `${name}: entries of ${values.dtype} that name one place twice`, {
      file: values.file,
      hint: 'Call coalesce() on the tensor and save it again',
    })
  }
  const numbers = new Numbers(bytes.buffer)
  const parts = itemSize(values.dtype) / numbers.BYTES_PER_ELEMENT
  for (let i = 0; i < length * parts; i++) {
    const a = target * parts + i
    const b = source * parts + i
    if (numbers instanceof BigInt64Array) numbers[a] = (numbers[a] as bigint) + (numbers[b] as bigint)
    else numbers[a] = (numbers[a] as number) + (numbers[b] as number)
  }
}

async function readIndices(tensor: Tensor): Promise<Float64Array> {
  const { buffer } = await readAll(tensor, MOST_STORED)
  return tensor.dtype === 'int32'
    ? Float64Array.from(new Int32Array(buffer))
    : Float64Array.from(new BigInt64Array(buffer), Number)
}

function unfit({ name, values, shape }: Sparse): AssayError {
  return new AssayError('file/bad-header', `${name}: its indices and values do not make up [${shape.join(', ')}]`, {
    file: values.file,
  })
}

function outside({ name, values, shape }: Sparse): AssayError {
  return new AssayError('file/bad-header', `${name}: an index lies outside its shape [${shape.join(', ')}]`, {
    file: values.file,
  })
}
