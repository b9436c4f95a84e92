import type { Checkpoint, OptimizerState } from '../../checkpoint/checkpoint'
import { numel, type Tensor } from '../../checkpoint/tensor'
import { type Finding, finding } from '../../finding'
import { kindOf } from '../optimizer/kind'
import { parameterNames } from '../optimizer/names'
import type { Reference } from '../reference'
import type { Rule } from '../rule'
import { weightsOf } from '../shapes/evidence'
import { MOMENT_SLOTS } from '../shapes/moments'
import { isRankFile, patternOf } from '../shapes/names'
import { list } from '../text'
import type { Values } from '../values'

type Key = number | string

/**
 * Parameters of the optimizer whose state is gone while others have theirs. A parameter that is frozen or never used has none
 * either, so the absence alone says nothing; what tells is its shape:
 *
 * - weight and bias of one module get their gradients together. The Trainer hands over only what requires a gradient, so that
 *   one with a state and the other without cannot be.
 * - A reference whose optimizer has them was saved before they were lost.
 * - A moment without a value is the state of a parameter without a value. Where more moments are empty than weights are, the
 *   step fails on them. A rank of FSDP may well have no part of a parameter.
 * - Elsewhere what is frozen is frozen by layers or by parts. Where layers differ in the parts that have a state, or where the
 *   states simply end within a module and nothing follows, they are likely lost.
 */
export const lostState: Rule = {
  ids: ['optimizer/lost-state'],
  needs: 'structure',
  *check({ checkpoint, reference }) {
    const hollow = weightsOf(checkpoint).filter(({ shape }) => numel(shape) === 0).length
    for (const optimizer of checkpoint.state.optimizers) {
      const found = stateless(checkpoint, optimizer, reference) ?? emptied(checkpoint, optimizer, hollow)
      if (found) yield found
    }
  },
}

/** The same with zeros in the place of what was lost. */
export const zeroedState: Rule = {
  ids: ['optimizer/lost-state'],
  needs: 'values',
  async *check({ checkpoint, values }) {
    for (const optimizer of checkpoint.state.optimizers) {
      const zeroed = await zeroedWeights(checkpoint, optimizer, values)
      if (zeroed.length === 0) continue
      const message = `The moments of ${list(zeroed)} in ${optimizer.file} are all zero, although the bias of the same module has some: they were lost`
      yield finding('optimizer/lost-state', optimizer.file, message, { evidence: { names: zeroed.slice(0, 1000) } })
    }
  },
}

function stateless(checkpoint: Checkpoint, optimizer: OptimizerState, reference?: Reference): Finding | undefined {
  const { file, groups } = optimizer
  const keys = groups.flatMap(({ params }) => params)
  const kept = keptBy(optimizer)
  const gone = keys.filter((key) => !kept.has(key))
  // LBFGS keeps everything under its first parameter.
  if (gone.length === 0 || gone.length === keys.length || kept.size < 2 || kindOf(optimizer) === 'LBFGS')
    return undefined
  const { names, sure } = parameterNames(checkpoint, optimizer)
  const named = sure ? keys.flatMap((key) => (names.has(key) ? [{ name: names.get(key) as string, key }] : [])) : []
  const modules = byModule(named)
  const split = modules.filter((parts) => isSplit(parts, kept))
  const underTrainer = checkpoint.layout === 'trainer'
  const ends = keys.slice(0, kept.size).every((key) => kept.has(key))
  const evidence = { lost: gone.length, parameters: keys.length, keys: gone.slice(0, 1000) }
  const told = gone.flatMap((key) => (sure ? (names.get(key) ?? []) : []))
  const some = told.length > 0 ? ` (${list(told)})` : ''
  const what = `${file} keeps no state for ${gone.length} of its ${keys.length} parameters${some}`
  const tell = (why: string, severity: 'error' | 'warning') =>
    finding('optimizer/lost-state', file, `${what}. ${why}`, { severity, evidence })
  const earlier = reference?.optimizers.find((other) => isOf(other, keys, gone))
  if (earlier) return tell(`The optimizer of ${reference?.name} has them: the states were lost`, 'error')
  const [example] = split
  if (example && underTrainer) return tell(`${together(example, kept)}: the states were lost`, 'error')
  if (example && ends) {
    return tell(
      `They end with ${list([String(keys[kept.size - 1])])}, in the midst of a module: likely lost`,
      'warning',
    )
  }
  if (named.length > 0 && !isProduct(named, kept)) {
    return tell(
      'It has others of the same layers, not the same in each: likely lost, unless just these were frozen',
      'warning',
    )
  }
  const [first, second] = groups
  const half = underTrainer && groups.length === 2 && first && second && second.params.length > 0
  if (half && ends && !second.params.some((key) => kept.has(key))) {
    return tell('The states simply end, before the first bias or norm: likely lost, or never used', 'warning')
  }
  return undefined
}

/** Moments saved with the size 0 beside others that have values; `hollow` weights have the size 0 themselves. */
function emptied(checkpoint: Checkpoint, optimizer: OptimizerState, hollow: number): Finding | undefined {
  const { file, parameters } = optimizer
  if (isRankFile(file)) return undefined
  const moments = parameters.map(({ key, tensors }) => ({ key, own: SLOTS.flatMap((slot) => tensors[slot] ?? []) }))
  const gone = moments.filter(({ own }) => own.some(({ shape }) => numel(shape) === 0))
  if (gone.length <= hollow || !moments.some(({ own }) => own.some(({ shape }) => numel(shape) > 0))) return undefined
  const { names, sure } = parameterNames(checkpoint, optimizer)
  const told = gone.map(({ key }) => (sure && names.get(key)) || String(key))
  const message = `${file} has moments without a value for ${gone.length} of its ${parameters.length} parameters (${list(told)}): the first step would fail on them`
  const evidence = { lost: gone.length, parameters: parameters.length, keys: gone.map(({ key }) => key).slice(0, 1000) }
  return finding('optimizer/lost-state', file, message, { severity: 'error', evidence })
}

/** Slots of an array for each parameter, of its own shape or of its rows and columns. */
const SLOTS = [...MOMENT_SLOTS, 'exp_avg_sq_row', 'exp_avg_sq_col', 'row_var', 'col_var', 'state1']

/** The parameters that keep anything. */
function keptBy({ parameters }: OptimizerState): Set<Key> {
  const full = parameters.filter(
    ({ tensors, scalars }) => Object.keys(tensors).length + Object.keys(scalars).length > 0,
  )
  return new Set(full.map(({ key }) => key))
}

/** Whether it is of the same parameters and keeps a state for those that are gone. */
function isOf(other: OptimizerState, keys: readonly Key[], gone: readonly Key[]): boolean {
  const same = other.groups.flatMap(({ params }) => params)
  if (same.length !== keys.length || same.some((key, i) => key !== keys[i])) return false
  const kept = keptBy(other)
  return gone.every((key) => kept.has(key))
}

interface Named {
  readonly name: string
  readonly key: Key
}

/** Weight and bias of the modules that have both. */
function byModule(named: readonly Named[]): (readonly Named[])[] {
  const modules = new Map<string, Named[]>()
  for (const each of named) {
    const dot = each.name.lastIndexOf('.')
    if (!/^(weight|bias)$/.test(each.name.slice(dot + 1))) continue
    const module = each.name.slice(0, Math.max(0, dot))
    const parts = modules.get(module)
    if (parts) parts.push(each)
    else modules.set(module, [each])
  }
  return [...modules.values()].filter(({ length }) => length > 1)
}

function isSplit(parts: readonly Named[], kept: ReadonlySet<Key>): boolean {
  return parts.some(({ key }) => kept.has(key)) && parts.some(({ key }) => !kept.has(key))
}

function together(parts: readonly Named[], kept: ReadonlySet<Key>): string {
  const has = parts.find(({ key }) => kept.has(key))?.name
  const lacks = parts.find(({ key }) => !kept.has(key))?.name
  return `${has} has one and ${lacks} has not, and both get their gradients together`
}

/** Whether what has a state is some parts of some layers, the same parts in each of them. */
function isProduct(named: readonly Named[], kept: ReadonlySet<Key>): boolean {
  const layers = new Map<string, { readonly has: Set<string>; readonly all: Set<string> }>()
  for (const { name, key } of named) {
    // Experts are used by chance.
    const match = /^(.*?\.\d+)\.(.+)$/.exec(name)
    if (!match || /expert/i.test(name)) continue
    const [layer, part] = [match[1] as string, patternOf(match[2] as string)]
    const parts = layers.get(layer) ?? { has: new Set<string>(), all: new Set<string>() }
    layers.set(layer, parts)
    parts.all.add(part)
    if (kept.has(key)) parts.has.add(part)
  }
  const kinds = new Map<string, Set<string>>()
  for (const [layer, { has, all }] of layers) {
    if (has.size === 0) continue
    const kind = `${patternOf(layer)}\n${[...all].sort().join()}`
    const seen = kinds.get(kind) ?? new Set<string>()
    kinds.set(kind, seen.add([...has].sort().join()))
  }
  return [...kinds.values()].every(({ size }) => size === 1)
}

/** Matrices whose moments are all zero while those of their bias are not: what gives one a gradient gives it to the other. */
async function zeroedWeights(checkpoint: Checkpoint, optimizer: OptimizerState, values: Values): Promise<string[]> {
  const { groups, parameters, step = 0 } = optimizer
  if (step < 2) return []
  const { names, sure } = parameterNames(checkpoint, optimizer)
  if (!sure) return []
  const own = new Map(parameters.map(({ key, tensors }) => [key, tensors]))
  const named = groups.flatMap(({ params }) => params.map((key) => ({ name: names.get(key) ?? '', key })))
  const zeroed: string[] = []
  for (const parts of byModule(named)) {
    const weight = parts.find(({ name }) => name.endsWith('weight'))
    const bias = parts.find(({ name }) => name.endsWith('bias'))
    const [matrix, vector] = [weight && own.get(weight.key), bias && own.get(bias.key)]
    if (!weight || !matrix?.exp_avg || !matrix.exp_avg_sq || !vector?.exp_avg || matrix.exp_avg.shape.length < 2)
      continue
    const lost =
      (await isZero(matrix.exp_avg, values)) === true &&
      (await isZero(matrix.exp_avg_sq, values)) === true &&
      (await isZero(vector.exp_avg, values)) === false
    if (lost) zeroed.push(weight.name)
  }
  return zeroed
}

async function isZero(tensor: Tensor, values: Values): Promise<boolean | undefined> {
  const statistics = await values.statistics(tensor)
  return statistics && statistics.count > 0 ? statistics.zeros === statistics.count : undefined
}
