import type { Checkpoint, ComponentId, OptimizerState, RngState, SchedulerState } from '../checkpoint/checkpoint'
import { fieldsOf, type Plain } from '../decode/plain'

/** One fact of the training state on both sides; null where a side does not have it. */
export interface StateDifference {
  /** Path of the fact: `step`, `optimizer.group[0].lr`, `config.n_layer` ... */
  readonly what: string
  readonly a: Plain
  readonly b: Plain
  readonly same: boolean
}

export type Facts = Map<string, Plain>

/** Facts of one side. A config has hundreds; what goes beyond all measure is not compared. */
const MOST_FACTS = 100_000

/** Told even when both sides agree: they say which two moments of a training are compared. */
const ALWAYS = /^(step|epoch|optimizer(\[\d+\])?\.group\[\d+\]\.lr)$/

/** Parts that have no facts of their own to tell that they are there. */
const PARTS: readonly ComponentId[] = ['tokenizer', 'scaler', 'sampler', 'trainer', 'custom']
/** A longer list, or one of records, is told by its length. */
const LONGEST = 16

/**
 * What differs between two training states, in their own terms: layout, steps, counters, every setting of every parameter
 * group, schedulers, which random states are there, and the config, the state of a trainer and custom objects leaf by leaf.
 */
export function diffState(a: Checkpoint, b: Checkpoint): StateDifference[] {
  const [inA, inB] = [factsOf(a), factsOf(b)]
  for (const { file, component, value } of a.state.records) {
    // what else is on one side only is told with its component
    const other = b.state.records.find((record) => record.file === file && record.component === component)
    if (!other) continue
    putRecord(inA, file, value)
    putRecord(inB, file, other.value)
  }
  return differencesOf(inA, inB)
}

/** Those that differ, and of the others what is always told; null stands for what a side does not have. */
export function differencesOf(inA: Facts, inB: Facts): StateDifference[] {
  const whats = new Set([...inA.keys(), ...inB.keys()])
  return [...whats]
    .map((what) => {
      const [left, right] = [inA.get(what) ?? null, inB.get(what) ?? null]
      const same = samePlain(left, right)
      return { what, ...(same ? { a: left, b: right } : briefly(left, right)), same }
    })
    .filter(({ what, same }) => !same || ALWAYS.test(what))
}

/** Long lists, as a log is, by their length and by how much of them is the same. */
function briefly(a: Plain, b: Plain): { a: Plain; b: Plain } {
  if (!Array.isArray(a) || !Array.isArray(b)) return { a, b }
  const isRecord = (item: Plain | undefined) => item !== null && typeof item === 'object' && !Array.isArray(item)
  if (Math.max(a.length, b.length) <= LONGEST && !isRecord(a[0]) && !isRecord(b[0])) return { a, b }
  const differing = a.findIndex((item, i) => i >= b.length || !samePlain(item, b[i] as Plain))
  const same = differing < 0 ? a.length : differing
  return { a: `${a.length} entries`, b: `${b.length} entries, the first ${same} the same` }
}

function factsOf({ layout, state, config, components }: Checkpoint): Facts {
  const facts: Facts = new Map()
  put(facts, 'layout', layout)
  put(facts, 'step', state.step)
  put(facts, 'epoch', state.epoch)
  put(facts, 'world_size', state.worldSize)
  numbered('optimizer', state.optimizers, (path, optimizer) => putOptimizer(facts, path, optimizer))
  numbered('scheduler', state.schedulers, (path, scheduler) => putScheduler(facts, path, scheduler))
  numbered('rng', inRankOrder(state.rng), (path, rng) => put(facts, path, rng.malformed ?? [...rng.generators].sort()))
  for (const { source, file, value } of state.counters) {
    // what optimizers and schedulers count is told above
    if (/^(optimizer|scheduler)\./.test(source)) continue
    // a file alone is called as somebody liked
    const what = layout === 'file' ? source.replace(`${stemOf(file)}.`, '') : source
    if (layout === 'file' && facts.get(what) === value) continue
    put(facts, facts.has(what) ? `${what} (${file})` : what, value)
  }
  for (const { id, status } of components) {
    if (PARTS.includes(id) && (status === 'present' || status === 'damaged')) put(facts, id, status)
  }
  if (config !== undefined) putLeaves(facts, 'config', config)
  return facts
}

/** An object is written with its class around it, which says nothing here. */
function putRecord(facts: Facts, file: string, value: Plain): void {
  const fields = fieldsOf(value) ?? { value }
  const [only, ...others] = Object.keys(fields)
  const inner = only?.startsWith('<') && others.length === 0 ? fields[only] : undefined
  putLeaves(facts, stemOf(file), inner ?? { ...fields })
}

function stemOf(file: string): string {
  return file.replace(/\.[^./]+$/, '')
}

function putOptimizer(facts: Facts, path: string, optimizer: OptimizerState): void {
  put(facts, `${path}.step`, optimizer.step)
  put(facts, `${path}.parameters`, optimizer.parameters.length)
  put(facts, `${path}.moments`, [...new Set(optimizer.parameters.flatMap((p) => Object.keys(p.tensors)))].sort())
  optimizer.groups.forEach((group, i) => {
    put(facts, `${path}.group[${i}].lr`, group.lr)
    put(facts, `${path}.group[${i}].initial_lr`, group.initialLr)
    put(facts, `${path}.group[${i}].weight_decay`, group.weightDecay)
    put(facts, `${path}.group[${i}].parameters`, group.params.length)
    for (const [name, value] of Object.entries(group.hyper)) putLeaves(facts, `${path}.group[${i}].${name}`, value)
  })
}

function putScheduler(facts: Facts, path: string, scheduler: SchedulerState): void {
  put(facts, `${path}.last_epoch`, scheduler.lastEpoch)
  put(facts, `${path}.step_count`, scheduler.stepCount)
  put(facts, `${path}.last_lr`, [...scheduler.lastLr])
  put(facts, `${path}.base_lrs`, [...scheduler.baseLrs])
}

function inRankOrder(states: readonly RngState[]): RngState[] {
  return [...states].sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0))
}

/** Calls `each` with `name`, or with `name[0]`, `name[1]` ... when there are several. */
function numbered<T>(name: string, items: readonly T[], each: (path: string, item: T) => void): void {
  items.forEach((item, i) => {
    each(items.length > 1 ? `${name}[${i}]` : name, item)
  })
}

function put(facts: Facts, what: string, value: Plain | undefined): void {
  if (value !== undefined && facts.size < MOST_FACTS) facts.set(what, value)
}

/** Walks into objects; anything else, lists included, is one fact. */
export function putLeaves(facts: Facts, path: string, value: Plain): void {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    put(facts, path, value)
    return
  }
  for (const key of Object.keys(value)) {
    if (facts.size >= MOST_FACTS) return
    putLeaves(facts, `${path}.${key}`, value[key] as Plain)
  }
}

/** Equal in value: NaN equals NaN, the order of keys does not count. */
function samePlain(a: Plain, b: Plain): boolean {
  if (Object.is(a, b) || a === b) return true
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((item, i) => samePlain(item, b[i] as Plain))
    )
  }
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && samePlain(a[key] as Plain, b[key] as Plain))
  )
}
