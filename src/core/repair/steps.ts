import type { ByteSink } from '../bytes/sink'
import type { ComponentId } from '../checkpoint/checkpoint'
import type { DType } from '../checkpoint/dtype'
import type { Tensor } from '../checkpoint/tensor'
import type { PyValue } from '../decode/pickle/value'
import type { RuleId } from '../finding'
import type { Verification } from '../verify/verify'
import type { WriteOptions } from '../write/output'
import type { Stored } from '../write/torch-zip'

/**
 * How sure a step is. `certain` and `likely` are done unless the user refuses them; `ask` is done only after the user has
 * said what is right (`--shape`); `refused` never.
 */
type Confidence = 'certain' | 'likely' | 'ask' | 'refused'

/** What becomes of a tensor of the checkpoint: another name, another shape of as many values, other values. */
export interface Change {
  readonly tensor: Tensor
  readonly name?: string
  readonly shape?: readonly number[]
  /** Where the values come from instead: a tensor of the reference, or a part of the tensor itself. */
  readonly values?: Tensor
  /** What the values are rounded to, where they are kept more exactly. */
  readonly dtype?: DType
}

/** A tensor that a file did not hold. */
export interface Addition {
  readonly file: string
  readonly name: string
  readonly values: Tensor
  /** What the values are rounded to, where they are kept more exactly. */
  readonly dtype?: DType
}

/** A file written anew with plain values for objects. */
export interface Plainness {
  readonly file: string
  /** Tensors that lie in what is left out. */
  readonly gone: readonly Tensor[]
  /** Tensors that take the place of arrays. */
  readonly made: readonly Tensor[]
}

/** A damaged file of which the whole tensors are written anew. */
export interface Salvage {
  readonly file: string
  /** Tensors whose values are lost, unless another step has them from elsewhere, and why. */
  readonly lost: ReadonlyMap<Tensor, string>
  /** What else the new file cannot hold, a line each. */
  readonly others?: readonly string[]
}

/** One of several ways to do a step. */
export interface Choice {
  /** What the user calls it to choose it. */
  readonly id: string
  readonly action: string
  readonly evidence: string
  readonly after?: string
  readonly changes?: readonly Change[]
  readonly additions?: readonly Addition[]
  readonly files?: readonly NewFile[]
  readonly entries?: readonly NewEntry[]
  /** The checkpoint whose values these are, where they are not those that were trained here. */
  readonly borrowed?: string
}

/** A state file that is made anew, in place of a damaged one or where none was. */
export interface NewFile {
  /** Relative to the checkpoint. */
  readonly path: string
  readonly component: ComponentId
  /** About as many as it will have. */
  readonly bytes: number
  /** Writes the file and the mark that it was made anew, `record`, where the format can bear it. */
  write(sink: ByteSink, record: string, options: WriteOptions): Promise<void>
}

/** An entry of the dict that a file is, which is made anew where the file lacks it. */
export interface NewEntry {
  readonly file: string
  readonly key: string
  readonly component: ComponentId
  readonly value: PyValue
  /** Under keys that no storage of the file has. */
  readonly stored: readonly Stored[]
}

/** One step of a plan: what a person reads, and what `applyRepair` does. */
export interface RepairStep {
  /** Position in the plan, from 1. */
  readonly step: number
  readonly kind:
    | 'rename'
    | 'reshape'
    | 'cut'
    | 'copy-from-reference'
    | 'copy-file'
    | 'restore-values'
    | 'rebuild-index'
    | 'rebuild-state'
    | 'rebuild-weights'
    | 'plain'
    | 'salvage'
    | 'retie'
    | 'trim'
    | 'refuse'
  /** A tensor, or a file of the checkpoint. */
  readonly subject: string
  /** One imperative sentence. */
  readonly action: string
  readonly evidence: string
  readonly confidence: Confidence
  readonly before?: string
  readonly after?: string
  readonly changes?: readonly Change[]
  readonly additions?: readonly Addition[]
  /** An index file to be written anew. */
  readonly index?: string
  readonly plain?: Plainness
  readonly salvage?: Salvage
  /** Names of the tensors that the result lacks because their values are in no file that is here. */
  readonly gone?: readonly string[]
  /** What the result will not have any more, a line each. */
  readonly lost?: readonly string[]
  readonly files?: readonly NewFile[]
  readonly entries?: readonly NewEntry[]
  /** Files of the checkpoint that the result does not have: a state under a name that is not asked for any more. */
  readonly removed?: readonly string[]
  /** The checkpoint whose values these are, where they are not those that were trained here. */
  readonly borrowed?: string
  /** Whose state in an optimizer begins anew, where not all of it does. */
  readonly part?: string
  /** Number of processes that the result is for, where the user has asked for another than trained. */
  readonly worldSize?: number
  /** The ways there are to do it, where there are several. A step that asks is done once the user has chosen one. */
  readonly choices?: readonly Choice[]
  /** Id of the one that the user has chosen. */
  readonly chosen?: string
  /** The findings that it is about. */
  readonly about?: readonly { readonly rule: RuleId; readonly subject: string }[]
}

/** A step before it has its number, and the findings it answers: those of `rules` about its subject, or about `others`. */
export interface Proposal extends Omit<RepairStep, 'step'> {
  readonly rules: readonly RuleId[]
  readonly others?: (subject: string) => boolean
  /** Findings that it answers beside those. */
  readonly answers?: (rule: RuleId, subject: string) => boolean
}

export interface Unmended {
  readonly rule: string
  readonly subject: string
  readonly why: string
  /** Nothing is wrong with what is there: this only was not saved. */
  readonly note?: true
}

export interface PlannedFile {
  /** Relative to the target. */
  readonly path: string
  readonly bytes: number
  readonly action: 'write' | 'copy' | 'remove'
}

/**
 * What a repair would do, as data: nothing has been written. Steps refer to tensors of the checkpoint and of the reference,
 * so both must stay open until the plan has been applied.
 */
export interface RepairPlan {
  readonly plan: readonly RepairStep[]
  readonly unmended: readonly Unmended[]
  readonly verdictBefore: Verification['verdict']
  /** Whether every value was read for it. */
  readonly deep: boolean
  readonly files: readonly PlannedFile[]
  /** Number of processes that it was made for, where that was asked for. */
  readonly worldSize?: number
}

/** Whether applying the plan does this step. */
export function isDone(step: Pick<RepairStep, 'confidence'>): boolean {
  return step.confidence === 'certain' || step.confidence === 'likely'
}
