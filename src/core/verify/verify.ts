import type { Kernel } from '../analysis/kernel'
import { natural } from '../bytes/natural'
import type { Checkpoint, Component } from '../checkpoint/checkpoint'
import { numel, storedBytes } from '../checkpoint/tensor'
import { throwIfAborted } from '../errors'
import type { Finding } from '../finding'
import { MISSING, missingFindings, settle } from './components'
import { levelled, type RuleLevels } from './levels'
import { Reference } from './reference'
import { ALL_RULES } from './rules'
import { averagesOf } from './shapes/averages'
import { weightsOf } from './shapes/evidence'
import { type Progress, Values } from './values'
import { type Resume, type Verdict, weigh } from './verdict'

export interface Verification {
  readonly verdict: Verdict
  readonly resume: Resume
  readonly components: readonly Component[]
  /** Errors first, then by rule and subject. */
  readonly findings: readonly Finding[]
  /** Of weights and adapters. Parameters are their values, tied ones and copies that average them counted once. */
  readonly tensors: { readonly count: number; readonly bytes: number; readonly parameters: number }
  readonly step?: number
  readonly epoch?: number
  /** Whether values were read, or names and shapes only. */
  readonly deep: boolean
}

export interface VerifyOptions {
  readonly kernel: Kernel
  /** Read every value as well. */
  readonly deep?: boolean
  /** Let warnings count against a complete verdict. */
  readonly strict?: boolean
  readonly rules?: RuleLevels
  /** A sound checkpoint of the same model: what it has belongs here too. */
  readonly reference?: Checkpoint
  readonly signal?: AbortSignal
  readonly onProgress?: Progress
}

/**
 * Runs the rules over a checkpoint and weighs what they found. Throws AssayError `cancelled`, and `usage` for a reference that
 * has no tensor in common with it; whatever is wrong with the checkpoint is a finding.
 */
export async function verify(checkpoint: Checkpoint, options: VerifyOptions): Promise<Verification> {
  const { kernel, deep = false, strict = false, rules = new Map(), signal, onProgress } = options
  const values = new Values(checkpoint, kernel, signal, onProgress)
  const reference = options.reference && new Reference(checkpoint, options.reference)
  const context = { checkpoint, values, ...(reference && { reference }), ...(signal && { signal }) }
  const found: Finding[] = [...checkpoint.findings, ...checkpoint.files.flatMap(({ findings }) => findings)]
  for (const rule of ALL_RULES) {
    if (rule.needs === 'values' && !deep) continue
    for await (const finding of rule.check(context)) found.push(finding)
    throwIfAborted(signal)
  }
  const ruled = levelled(distinct([...found, ...values.findings]), rules)
  const components = settle(checkpoint, ruled).map((component) => excused(component, rules))
  const missing = levelled(missingFindings(checkpoint, components, ruled), rules)
  const findings = [...ruled, ...missing].sort(byGravity)
  const { state } = checkpoint
  const tensors = weightsOf(checkpoint)
  return {
    ...weigh(components, findings, state, strict),
    components,
    findings,
    tensors: {
      count: tensors.length,
      bytes: tensors.reduce((sum, tensor) => sum + storedBytes(tensor), 0),
      parameters: parametersOf(checkpoint),
    },
    ...(state.step !== undefined && { step: state.step }),
    ...(state.epoch !== undefined && { epoch: state.epoch }),
    deep,
  }
}

/** A component that is not there and that nobody asks for. */
function excused(component: Component, rules: RuleLevels): Component {
  const rule = MISSING[component.id]
  if (component.status !== 'missing' || rule === undefined || rules.get(rule) !== 'off') return component
  return { ...component, status: 'not-applicable', note: `Not asked for: ${rule} is off` }
}

/** One of each, and no general finding where a rule that saw more has a particular one. */
function distinct(findings: readonly Finding[]): Finding[] {
  const copies = new Set(findings.filter(({ rule }) => rule === 'weights/replicated').map(({ subject }) => subject))
  const seen = new Set<string>()
  return findings.filter(({ rule, subject, message }) => {
    if (rule === 'weights/shape-mismatch' && copies.has(subject)) return false
    const key = `${rule}\0${subject}\0${message}`
    return !seen.has(key) && seen.add(key)
  })
}

const GRAVITY = { error: 0, warning: 1, info: 2 } as const

function byGravity(a: Finding, b: Finding): number {
  return GRAVITY[a.severity] - GRAVITY[b.severity] || natural(a.rule, b.rule) || natural(a.subject, b.subject)
}

function parametersOf(checkpoint: Checkpoint): number {
  const seen = new Set<string>()
  let count = 0
  const weights = weightsOf(checkpoint)
  const copies = averagesOf(weights)
  for (const tensor of weights) {
    if (copies.has(tensor)) continue
    const { file, shape, storage, blocks } = tensor
    const [block] = blocks
    if (storage && block) {
      const key = `${file}\0${storage.key}\0${block.offset}\0${shape}`
      if (seen.has(key)) continue
      seen.add(key)
    }
    count += numel(shape)
  }
  return count
}
