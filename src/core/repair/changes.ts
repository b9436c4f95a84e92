import type { Checkpoint, StateFile } from '../checkpoint/checkpoint'
import type { DType } from '../checkpoint/dtype'
import type { Tensor } from '../checkpoint/tensor'
import { type OutputTensor, outputOf } from '../write/output'
import { castTargetOf, castTo } from './cast'
import type { Addition, Change, NewEntry, Plainness, RepairStep } from './steps'

/** A tensor as it will stand in a file that is written anew. */
export interface PlannedTensor {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly number[]
  /** Where its values come from. */
  readonly values: Tensor
  /** The tensor it was; undefined for one that is added. */
  readonly was?: Tensor
}

/** A tensor that a step changes or adds, as it comes out of that step alone. */
export interface StepTensor extends PlannedTensor {
  /** The file that it is in, or goes into. */
  readonly file: string
}

/** The tensors that a step changes, then those that it adds. */
export function tensorsIn({ changes = [], additions = [] }: Pick<RepairStep, 'changes' | 'additions'>): StepTensor[] {
  return [
    ...changes.map(({ tensor, ...change }) => ({ file: tensor.file, ...changed(tensorAsItIs(tensor), change) })),
    ...additions.map(({ file, ...addition }) => ({ file, ...added(addition) })),
  ]
}

/** A file to be written anew, with everything it will hold: its own tensors in their order, then added ones. */
export interface ChangedFile {
  readonly file: StateFile
  readonly tensors: readonly PlannedTensor[]
  /** The steps that touch it. */
  readonly steps: readonly RepairStep[]
  /** Set where objects in it become plain values. */
  readonly plain?: Plainness
  /** What is put into its dict. */
  readonly entries: readonly NewEntry[]
}

/** The files that these steps change, in the order of the checkpoint. Later steps add to what earlier ones say of a tensor. */
export function changedFiles(checkpoint: Checkpoint, steps: readonly RepairStep[]): ChangedFile[] {
  return checkpoint.files.flatMap((file) => {
    const own = steps.filter((step) => touches(step, file))
    if (own.length === 0) return []
    const plain = own.find((step) => step.plain)?.plain
    const entries = own.flatMap((step) => step.entries ?? []).filter((entry) => entry.file === file.path)
    return [{ file, tensors: plannedTensors(file, own, plain), steps: own, entries, ...(plain && { plain }) }]
  })
}

function touches({ changes, additions, entries, plain, salvage }: RepairStep, { path }: StateFile): boolean {
  return (
    plain?.file === path ||
    salvage?.file === path ||
    changes?.some(({ tensor }) => tensor.file === path) === true ||
    additions?.some(({ file }) => file === path) === true ||
    entries?.some(({ file }) => file === path) === true
  )
}

function plannedTensors(file: StateFile, steps: readonly RepairStep[], plain?: Plainness): PlannedTensor[] {
  const planned = new Map<Tensor, PlannedTensor>()
  for (const was of file.tensors) {
    if (!plain?.gone.includes(was)) planned.set(was, tensorAsItIs(was))
  }
  for (const { tensor, ...change } of steps.flatMap(({ changes }) => changes ?? [])) {
    const before = planned.get(tensor)
    if (before) planned.set(tensor, changed(before, change))
  }
  for (const lost of steps.flatMap(({ salvage }) => [...(salvage?.lost.keys() ?? [])])) {
    const now = planned.get(lost)
    // One in doubt is kept where it was told what shape its bytes have.
    if (now?.values === lost && (now.shape === lost.shape || !lost.doubt)) planned.delete(lost)
  }
  const additions = steps.flatMap((step) => step.additions ?? []).filter((addition) => addition.file === file.path)
  return [
    ...planned.values(),
    ...additions.map(added),
    ...(plain?.made ?? []).map((values) => added({ name: values.name, values })),
  ]
}

function tensorAsItIs(was: Tensor): PlannedTensor {
  return { name: was.name, dtype: was.dtype, shape: was.shape, values: was, was }
}

function changed(before: PlannedTensor, { name, shape, values, dtype }: Omit<Change, 'tensor'>): PlannedTensor {
  return {
    ...before,
    ...(name !== undefined && { name }),
    ...(shape && { shape }),
    ...(values && { values, dtype: dtype ?? values.dtype }),
  }
}

function added({ name, values, dtype = values.dtype }: Omit<Addition, 'file'>): PlannedTensor {
  return { name, dtype, shape: values.shape, values }
}

/** The tensor as it is written: under its new name, in its new shape, and rounded where its values are kept more exactly. */
export function outputFor({ name, shape, dtype, values }: PlannedTensor): OutputTensor {
  const output = outputOf(values, { name, shape })
  return dtype === values.dtype ? output : castTo(output, castTargetOf(dtype))
}

/** Whether the tensor comes out as it went in. */
export function isUntouched({ name, shape, values, was }: PlannedTensor): boolean {
  return was !== undefined && values === was && name === was.name && shape === was.shape
}
