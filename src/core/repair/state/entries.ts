import type { Checkpoint, ComponentId, StateFile } from '../../checkpoint/checkpoint'
import { type Section, sectionsIn } from '../../checkpoint/sections'
import { generatorOf } from '../../checkpoint/training/rng'
import { asNumber, mappingOf, PyDict, PyList, type PyValue, sequenceOf } from '../../decode/pickle/value'
import type { NewEntry } from '../steps'
import { storageKeys } from '../torch-edit'
import { type Anew, notMade } from './anew'
import { type Facts, seedOf } from './facts'
import { torchFile } from './file'
import { generatorState } from './generators'
import { likeOther, likeText, optimizerEvidence } from './optimizer'
import { numpyModule } from './rng'
import { scalerLike } from './scaler'
import { schedulerFor } from './scheduler'
import { Store } from './tensors'

const MADE: readonly ComponentId[] = ['trainer', 'optimizer', 'scheduler', 'rng', 'scaler']

/**
 * States that a script keeps in a dict of its own, or in files of its own (`training_state.pt`, a Lightning .ckpt): under which
 * names and in which form only another checkpoint of the run tells. What the dict lacks is put into it.
 */
export function rebuildEntries(facts: Facts): Anew[] {
  const stores = new Map<StateFile, Store>()
  return MADE.flatMap((component) => {
    // Only the rest of the run tells that a script saves a scaler.
    const isLost = component === 'trainer' || component === 'scaler' || facts.lost.has(component)
    if (!isLost) return []
    const model = modelOf(facts, component)
    if (model) return made(facts, component, model, stores)
    // What no checkpoint of the run keeps the script does not save.
    if (component === 'trainer' || component === 'scaler' || facts.others.length > 0 || !facts.lost.has('optimizer'))
      return []
    // Of a file that was cut off its states may be whole.
    if (facts.checkpoint.state.optimizers.length > 0) return []
    return notMade(component, facts.checkpoint.name, UNKNOWN)
  })
}

const UNKNOWN =
  'Under which name the script looks for it, and with which settings, is written nowhere; another checkpoint of the run tells'

/** Where another checkpoint keeps a component, and the file of this one that should have it. */
interface Model {
  readonly other: Checkpoint
  /** The same file here; undefined where it is gone. */
  readonly home: StateFile | undefined
  readonly path: string
  readonly sections: readonly Section[]
}

function modelOf({ checkpoint, others }: Facts, component: ComponentId): Model | undefined {
  for (const other of others) {
    for (const file of other.files) {
      const alone = checkpoint.layout === 'file' && checkpoint.files.length === 1 && other.files.length === 1
      const home = alone ? checkpoint.files[0] : checkpoint.files.find(({ path }) => path === file.path)
      const broken = file.findings.some(({ severity }) => severity === 'error')
      if (file.value === undefined || file.rebuilt || broken || (home && !mappingOf(home.value))) continue
      const own = mappingOf(home?.value)
      const sections = sectionsIn(file.value, 'trainer').filter((each) => each.component === component)
      const lacking = sections.filter(({ key }) => (key === undefined ? !home : home && own?.has(key) === false))
      if (lacking.length > 0) return { other, home, path: home?.path ?? file.path, sections: lacking }
    }
  }
  return undefined
}

function made(facts: Facts, component: ComponentId, model: Model, stores: Map<StateFile, Store>): Anew[] {
  const { home, path, sections, other } = model
  const known = home && stores.get(home)
  const store = known ?? new Store(storageKeys(home?.value ?? null))
  if (home) stores.set(home, store)
  const entries: NewEntry[] = []
  const evidence = new Set<string>()
  let doubt: string | undefined
  for (const { key = '', value } of sections) {
    const before = store.stored.length
    const result = valueFor(facts, component, key, value, other, store)
    if (result === undefined) continue
    if (typeof result === 'string') return notMade(component, subjectOf(path, key), result)
    evidence.add(result.evidence)
    doubt ??= result.doubt
    entries.push({ file: path, key, component, value: result.value, stored: store.stored.slice(before) })
  }
  const [first] = entries
  if (!first) return []
  const subject = subjectOf(path, ...entries.map(({ key }) => key))
  const told = { component, subject, evidence: [...evidence].join('. '), ...(doubt !== undefined && { doubt }) }
  if (home) return [{ ...told, files: [], entries }]
  return [{ ...told, files: [torchFile(path, component, first.value, first.stored)] }]
}

function subjectOf(path: string, ...keys: readonly string[]): string {
  const named = keys.filter((key) => key !== '')
  return named.length === 0 ? path : `${path}: ${named.join(', ')}`
}

interface Value {
  readonly value: PyValue
  readonly evidence: string
  readonly doubt?: string
}

/** What stands under the key in `other`, as it would stand at this step. A sentence says why it cannot; undefined: not asked for. */
function valueFor(
  facts: Facts,
  component: ComponentId,
  key: string,
  model: PyValue,
  other: Checkpoint,
  store: Store,
): Value | string | undefined {
  if (component === 'trainer') return countFor(facts, key, model, other)
  if (component === 'rng') return freshly(facts, key, model, other, store)
  // Lightning keeps lists, of which nearly all have one element.
  const inner = sequenceOf(model)
  if (inner && inner.length !== 1) return `${key} has ${inner.length} parts, and at which rates they are is not known`
  const result = stateFor(facts, component, inner?.[0] ?? model, other, store)
  return typeof result === 'string' || !inner ? result : { ...result, value: new PyList([result.value]) }
}

function stateFor(
  facts: Facts,
  component: ComponentId,
  model: PyValue,
  other: Checkpoint,
  store: Store,
): Value | string {
  if (component === 'scheduler') return schedulerFor(facts, { value: model, checkpoint: other })
  if (component === 'scaler') return { value: scalerLike(model), evidence: `With the scale of ${other.name}` }
  const optimizer = likeOther(facts, model, store)
  if (typeof optimizer === 'string') return optimizer
  return { value: optimizer.value, evidence: optimizerEvidence(facts, likeText(other)) }
}

/** A count of steps or, where every epoch has as many, of epochs. Other plain values are of their own step. */
function countFor({ checkpoint, step }: Facts, key: string, model: PyValue, other: Checkpoint): Value | undefined {
  const { step: theirs, epoch } = other.state
  const value = asNumber(model)
  if (value === undefined || theirs === undefined || theirs === 0) return undefined
  const source = checkpoint.state.counters.find((each) => each.value === step)?.source ?? 'the other states'
  if (value === theirs && /step|iter|update/i.test(key))
    return { value: step, evidence: `As ${source} counts it: ${step}` }
  const now = (value / theirs) * step
  if (value !== epoch || !/epoch/i.test(key) || !Number.isInteger(now)) return undefined
  return { value: now, evidence: `${other.name} has epoch ${value} at step ${theirs}, so this is epoch ${now}` }
}

/** Fresh random states in the form of another checkpoint's. */
function freshly(facts: Facts, key: string, model: PyValue, other: Checkpoint, store: Store): Value | string {
  const seed = seedOf(facts, 0)
  const value = reseeded(key, model, seed, store)
  if (value === undefined) return `${key} keeps a generator that cannot be seeded from outside`
  const evidence = `Freshly seeded with ${seed}, from the step, in the form of ${other.name}: what was drawn last is not known`
  return { value, evidence }
}

function reseeded(key: string, model: PyValue, seed: number, store: Store): PyValue | undefined {
  if (model === null || typeof model !== 'object') return model
  const generator = generatorOf(key, model)
  const entries = mappingOf(model)
  const isLegacy = generator !== undefined && !entries?.has('bit_generator')
  if (isLegacy && (!entries || generator === 'cuda')) {
    const devices = generator === 'cuda' ? sequenceOf(model)?.length : undefined
    return generatorState(generator, seed, { numpy: numpyModule(model), devices }, store)
  }
  if (!entries || entries.has('bit_generator')) return undefined
  const fresh = new PyDict()
  for (const [name, each] of entries) {
    const made = reseeded(String(name), each, seed, store)
    if (made === undefined) return undefined
    fresh.entries.set(name, made)
  }
  return fresh
}
