import { plainOf } from '../../decode/pickle/plain-of'
import { mappingOf, PyDict, type PyValue, sequenceOf } from '../../decode/pickle/value'
import type { ComponentId, GeneratorState, OptimizerState, RngState, SchedulerState, StateRecord } from '../checkpoint'
import type { OpenStateFile } from '../state-file'
import type { Tensor } from '../tensor'
import { optimizerOf } from './optimizer'
import { generatorOf, rngEntries, rngOf } from './rng'
import { schedulerOf } from './scheduler'

/** What one file says about the training. */
export interface Parts {
  /** Components that the file holds something of. */
  readonly holds: ReadonlySet<ComponentId>
  readonly optimizers: readonly OptimizerState[]
  readonly schedulers: readonly SchedulerState[]
  readonly rng: readonly RngState[]
  readonly generators: readonly GeneratorState[]
  readonly records: readonly StateRecord[]
}

/** Optimizers, schedulers or records in one file: more are a bomb. Values in one record: a loss for each step and more. */
const MOST = 64
const RECORD_LIMITS = { values: 1_000_000 }

/** Takes a file apart: optimizers, schedulers, random states, plain values. `rank` is that of its random states. */
export async function partsOf(file: OpenStateFile, rank?: number): Promise<Parts> {
  const holds = new Set<ComponentId>()
  for (const tensor of file.tensors) holds.add(tensor.component)
  const optimizers: OptimizerState[] = []
  const schedulers: SchedulerState[] = []
  const records: StateRecord[] = [...(file.records ?? [])]
  const random: [string, PyValue][] = []
  const generators: GeneratorState[] = []
  const whose = { file: file.path, ...(rank !== undefined && { rank }) }
  const trainer = new PyDict()
  const byName = new Map<string, Tensor>()
  for (const tensor of file.tensors) if (tensor.component === 'optimizer') byName.set(tensor.name, tensor)

  for (const { key, component: part, value } of file.sections) {
    if (part === 'optimizer') {
      for (const [at, each] of oneOrMany(value, key === undefined ? '' : `${key}.`).slice(
        0,
        MOST - optimizers.length,
      )) {
        const optimizer = await optimizerOf(each, file.path, byName, at)
        if (optimizer) optimizers.push(optimizer)
      }
    } else if (part === 'scheduler') {
      for (const [, each] of oneOrMany(value, '').slice(0, MOST - schedulers.length)) {
        const scheduler = schedulerOf(each, file.path)
        if (scheduler) schedulers.push(scheduler)
      }
    } else if (part === 'rng') {
      const inner = rngEntries(value)
      const isDict = key === undefined || rngOf(inner, file.path) !== undefined
      const states = isDict ? inner : [[key, value] as [string, PyValue]]
      random.push(...states)
      for (const [name, state] of states) {
        const generator = generatorOf(name, state)
        if (!generator || state === null) continue
        const path = isDict && key !== undefined ? `${key}.${name}` : name
        const isPart = (tensor: Tensor) => tensor.name === path || tensor.name.startsWith(`${path}.`)
        const tensors = file.tensors.filter((tensor) => tensor.component === 'rng' && isPart(tensor))
        generators.push({ ...whose, generator, value: state, tensors })
      }
    } else if (part === 'trainer' && key !== undefined) {
      trainer.entries.set(key, value)
    } else if (part !== 'weights' && part !== 'adapter' && records.length < MOST) {
      records.push({ file: file.path, component: part, value: plainOf(value, RECORD_LIMITS) })
    }
  }
  const rng = rngOf(random, file.path, rank)
  if (trainer.entries.size > 0) {
    records.push({ file: file.path, component: 'trainer', value: plainOf(trainer, RECORD_LIMITS) })
  }

  if (optimizers.length > 0) holds.add('optimizer')
  if (schedulers.length > 0) holds.add('scheduler')
  if (rng) holds.add('rng')
  for (const record of records) holds.add(record.component)
  return { holds, optimizers, schedulers, rng: rng ? [rng] : [], generators, records }
}

/** A state dict, or those in a list (Lightning) or under names of their own; each with its path up to and with the dot. */
function oneOrMany(value: PyValue, prefix: string): (readonly [string, PyValue])[] {
  const list = sequenceOf(value)
  if (list) return list.map((each, i) => [`${prefix}${i}.`, each] as const)
  const entries = mappingOf(value)
  const single = !entries || ['param_groups', 'last_epoch', '_last_lr', '_schedulers'].some((key) => entries.has(key))
  if (single) return [[prefix, value]]
  return [...entries].map(([key, each]) => [`${prefix}${String(key)}.`, each] as const)
}
