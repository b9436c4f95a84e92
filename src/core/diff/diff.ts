import { ahead } from '../analysis/ahead'
import type { Checkpoint } from '../checkpoint/checkpoint'
import { FITS_NOTHING } from '../checkpoint/glob'
import { masteredIn } from '../checkpoint/masters'
import { AssayError } from '../errors'
import { align, type Renames } from './align'
import type { CompareOptions } from './compare'
import { type Conclusion, conclusionsOf, damagesOf } from './conclusions'
import { compareGenerators, generatorBytes, generatorPairs } from './generators'
import { type ModuleRow, modulesOf } from './modules'
import { compareSlot, slotBytes, slotsOf } from './moments'
import { pairMoved } from './moved'
import { bytesOf, type DiffRow, type DiffStatus, rowOf } from './row'
import { sidesOf } from './sides'
import { diffState, type StateDifference } from './state'
import { diffTexts } from './texts'

export interface DiffReport {
  /** Paths. */
  readonly a: string
  readonly b: string
  /** Every tensor, under one name or under the names that the user gave, and every fact of the training state that was compared is the same. */
  readonly identical: boolean
  readonly summary: Readonly<Record<DiffStatus | 'moved', number>>
  readonly tensors: readonly DiffRow[]
  readonly state: readonly StateDifference[]
  readonly conclusions: readonly Conclusion[]
  readonly modules: readonly ModuleRow[]
}

export interface DiffOptions extends CompareOptions {
  /** Which tensor names to compare, those of either side; all by default. */
  readonly filter?: (name: string) => boolean
  readonly renames?: Renames
  /** Leave the training state out: an export has none, and is the same all the same. */
  readonly weightsOnly?: boolean
  /** Bytes of both sides compared so far, of all that will be, and the tensor at hand. */
  readonly onProgress?: (done: number, total: number, label: string) => void
  /** Every row as soon as it is known. */
  readonly onRow?: (row: DiffRow) => void
}

/** Pairs that are measured at a time, where the kernel has threads for them. */
const AHEAD = 8

/**
 * Compares the weights of two checkpoints value by value, and their training states, moments and random states included. Reads each side once, a block at a time.
 * A tensor whose values cannot be read is `unread` with a note, so that one damaged file does not hide the rest. Throws `cancelled`,
 * `file/changed`, and `usage` where a filter or a renaming fits nothing.
 */
export async function diff(a: Checkpoint, b: Checkpoint, options: DiffOptions): Promise<DiffReport> {
  const { filter = () => true, weightsOnly = false } = options
  const pairs = (await pairMoved(align(a.tensors, b.tensors, options.renames), options)).filter(
    (pair) => (pair.a && filter(pair.a.name)) || (pair.b && filter(pair.b.name)),
  )
  if (options.filter && pairs.length === 0) throw new AssayError('usage', FITS_NOTHING.message, FITS_NOTHING)
  const slots = weightsOnly ? [] : slotsOf(a, b)
  const generators = weightsOnly ? [] : generatorPairs(a, b)
  const total = pairs.reduce((sum, pair) => sum + bytesOf(pair), 0) + slotBytes(slots) + generatorBytes(generators)
  const summary = { same: 0, changed: 0, unread: 0, onlyA: 0, onlyB: 0, shape: 0, dtype: 0, moved: 0 }
  const tensors: DiffRow[] = []
  let before = 0
  const measured = ahead(pairs, options.kernel.comparisonOf ? AHEAD : 1, async (pair) => {
    let left = bytesOf(pair)
    const row = await rowOf(pair, options, (bytes) => {
      left -= bytes
      before += bytes
      options.onProgress?.(before, total, pair.name)
    })
    before += left
    return row
  })
  for await (const row of measured) {
    summary[row.status]++
    if (row.match && row.match !== 'rename') summary.moved++
    tensors.push(row)
    options.onRow?.(row)
  }
  const state = weightsOnly ? [] : [...diffState(a, b), ...(await diffTexts(a, b, options.signal))]
  const told = new Set(state.map(({ what }) => what))
  const note = (difference: StateDifference | undefined) => {
    if (difference && !told.has(difference.what)) state.push(difference)
  }
  const heard = (label: string) => (bytes: number) => {
    before += bytes
    options.onProgress?.(before, total, label)
  }
  for (const slot of slots) note(await compareSlot(slot, options, heard(slot.what)))
  for (const pair of generators) note(await compareGenerators(pair, options.signal, heard(pair.what)))
  const identical = summary.same === tensors.length && summary.moved === 0 && state.every(({ same }) => same)
  const conclusions = [
    ...damagesOf(a, b),
    ...conclusionsOf(pairs, tensors, state, sidesOf(a, b), masteredIn(a.tensors)),
  ]
  return { a: a.path, b: b.path, identical, summary, tensors, state, conclusions, modules: modulesOf(tensors) }
}
