import type { Comparison, Kernel } from '../analysis/kernel'
import type { Checkpoint } from '../checkpoint/checkpoint'
import { byteLength, sameShape, type Tensor } from '../checkpoint/tensor'
import { AssayError } from '../errors'
import { align, type Pair } from './align'
import { compareTensors } from './compare'
import { compareGenerators, generatorBytes, generatorPairs } from './generators'
import { compareSlot, slotBytes, slotsOf } from './moments'
import { diffState, type StateDifference } from './state'

/** `dtype`: the shapes agree and the dtypes do not; the values are compared all the same. */
type DiffStatus = 'same' | 'changed' | 'onlyA' | 'onlyB' | 'shape' | 'dtype'

/** One tensor name. Measures are of b against a, null where the values were not compared; NaN and infinities occur. */
export interface DiffRow {
  readonly name: string
  readonly status: DiffStatus
  readonly shapeA?: readonly number[]
  readonly shapeB?: readonly number[]
  readonly dtypeA?: string
  readonly dtypeB?: string
  readonly count?: number
  readonly changed: number | null
  readonly maxAbs: number | null
  readonly meanAbs: number | null
  readonly rms: number | null
  readonly relL2: number | null
  readonly cosine: number | null
  /** Why the values could not be compared, where they should have been. */
  readonly note?: string
}

export interface DiffReport {
  /** Paths. */
  readonly a: string
  readonly b: string
  /** Every tensor and every fact of the training state is the same. */
  readonly identical: boolean
  readonly summary: Readonly<Record<DiffStatus, number>>
  readonly tensors: readonly DiffRow[]
  readonly state: readonly StateDifference[]
}

export interface DiffOptions {
  readonly kernel: Kernel
  /** Which tensor names to compare; all by default. */
  readonly filter?: (name: string) => boolean
  readonly signal?: AbortSignal
  /** Bytes of both sides compared so far, of all that will be, and the tensor at hand. */
  readonly onProgress?: (done: number, total: number, label: string) => void
  /** Every row as soon as it is known. */
  readonly onRow?: (row: DiffRow) => void
}

/**
 * Compares the weights of two checkpoints value by value, and their training states, moments and random states included. Reads each side once, a block at a time.
 * A tensor whose values cannot be read is `changed` with a note, so that one damaged file does not hide the rest; only
 * `cancelled` is thrown.
 */
export async function diff(a: Checkpoint, b: Checkpoint, options: DiffOptions): Promise<DiffReport> {
  const pairs = align(a.tensors, b.tensors, options.filter)
  const slots = slotsOf(a, b)
  const generators = generatorPairs(a, b)
  const total = pairs.reduce((sum, pair) => sum + bytesOf(pair), 0) + slotBytes(slots) + generatorBytes(generators)
  const summary: Record<DiffStatus, number> = { same: 0, changed: 0, onlyA: 0, onlyB: 0, shape: 0, dtype: 0 }
  const tensors: DiffRow[] = []
  let before = 0
  for (const pair of pairs) {
    let done = before
    const row = await rowOf(pair, options, (bytes) => {
      done += bytes
      options.onProgress?.(done, total, pair.name)
    })
    before += bytesOf(pair)
    summary[row.status]++
    tensors.push(row)
    options.onRow?.(row)
  }
  const state = diffState(a, b)
  const told = new Set(state.map(({ what }) => what))
  const note = (difference: StateDifference | undefined) => {
    if (difference && !told.has(difference.what)) state.push(difference)
  }
  const heard = (label: string) => (bytes: number) => {
    before += bytes
    options.onProgress?.(before, total, label)
  }
  for (const slot of slots) note(await compareSlot(slot, options.kernel, options.signal, heard(slot.what)))
  for (const pair of generators) note(await compareGenerators(pair, options.signal, heard(pair.what)))
  const identical = summary.same === tensors.length && state.every(({ same }) => same)
  return { a: a.path, b: b.path, identical, summary, tensors, state }
}

const NOT_COMPARED = { changed: null, maxAbs: null, meanAbs: null, rms: null, relL2: null, cosine: null }

async function rowOf(pair: Pair, options: DiffOptions, onBytes: (bytes: number) => void): Promise<DiffRow> {
  const { name, a, b } = pair
  const head = {
    name,
    ...(a && { shapeA: a.shape, dtypeA: a.dtype }),
    ...(b && { shapeB: b.shape, dtypeB: b.dtype }),
  }
  if (!b) return { ...head, status: 'onlyA', ...NOT_COMPARED }
  if (!a) return { ...head, status: 'onlyB', ...NOT_COMPARED }
  if (!sameShape(a.shape, b.shape)) return { ...head, status: 'shape', ...NOT_COMPARED }
  const status = a.dtype === b.dtype ? undefined : 'dtype'
  if (status && !comparable(a, b)) {
    return {
      ...head,
      status,
      ...NOT_COMPARED,
      note: `Values of ${a.dtype} are two a byte, those of ${b.dtype} are not`,
    }
  }
  try {
    const measured = await compareTensors(a, b, options.kernel, options.signal, onBytes)
    return { ...head, status: status ?? (measured.changed === 0 ? 'same' : 'changed'), ...measures(measured) }
  } catch (error) {
    if (!(error instanceof AssayError) || error.code === 'cancelled') throw error
    return { ...head, status: status ?? 'changed', ...NOT_COMPARED, note: error.message }
  }
}

function measures({ nonFinite: _, ...shown }: Comparison): Omit<Comparison, 'nonFinite'> {
  return shown
}

/** Bytes that comparing the pair reads. */
function bytesOf({ a, b }: Pair): number {
  return a && b && sameShape(a.shape, b.shape) && comparable(a, b) ? byteLength(a) + byteLength(b) : 0
}

/** Packed pairs have one element where other dtypes have two: their shapes agree only by accident. */
function comparable(a: Tensor, b: Tensor): boolean {
  return a.dtype === b.dtype || (a.dtype !== 'float4_e2m1fn_x2' && b.dtype !== 'float4_e2m1fn_x2')
}
