import type { Checkpoint, OptimizerState, RngState, SchedulerState } from '../checkpoint/checkpoint'
import type { Plain } from '../decode/plain'

/** One fact of the training state on both sides; null where a side does not have it. */
export interface StateDifference {
  /** Path of the fact: `step`, `optimizer.group[0].lr`, `config.n_layer` ... */
  readonly what: string
  readonly a: Plain
  readonly b: Plain
  readonly same: boolean
}

type Facts = Map<string, Plain>

/** Facts of one side. A config has hundreds; what goes beyond all measure is not compared. */
const MOST_FACTS = 100_000

/** Told even when both sides agree: they say which two moments of a training are compared. */
const ALWAYS = /^(step|epoch|optimizer(\[\d+\])?\.group\[\d+\]\.lr)$/

/**
 * What differs between two training states, in their own terms: layout, steps, counters, every setting of every parameter
 * group, schedulers, which random states are there, and the config leaf by leaf.
 */
export function diffState(a: Checkpoint, b: Checkpoint): StateDifference[] {
  const [inA, inB] = [factsOf(a), factsOf(b)]
  const whats = new Set([...inA.keys(), ...inB.keys()])
  return [...whats]
    .map((what) => {
      const [left, right] = [inA.get(what) ?? null, inB.get(what) ?? null]
      return { what, a: left, b: right, same: samePlain(left, right) }
    })
    .filter(({ what, same }) => !same || ALWAYS.test(what))
}

function factsOf({ layout, state, config }: Checkpoint): Facts {
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
    if (!/^(optimizer|scheduler)\./.test(source)) put(facts, facts.has(source) ? `${source} (${file})` : source, value)
  }
  if (config !== undefined) putLeaves(facts, 'config', config)
  return facts
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
function putLeaves(facts: Facts, path: string, value: Plain): void {
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
