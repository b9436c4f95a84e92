import type { Checkpoint, RngState } from '../../checkpoint/checkpoint'
import { torchTensorOf } from '../../decode/pickle/torch'
import { asNumber, mappingOf, PyDict, PyGlobal, type PyValue, sequenceOf } from '../../decode/pickle/value'
import { containerOf, partsOf } from '../../decode/pickle/walk'
import { numberOf } from '../../decode/plain'
import { list } from '../../verify/text'
import type { Context } from '../context'
import type { NewFile } from '../steps'
import { type Anew, notMade } from './anew'
import { type Facts, fileElsewhere, seedOf } from './facts'
import { copiedFile, torchFile } from './file'
import { generatorState } from './generators'
import { Store } from './tensors'

/** Keys of the states (transformers 5.18 trainer.py `_save_rng_state`, accelerate 1.15 checkpointing.py) by generator. */
const KEYS = {
  trainer: { python: 'python', numpy: 'numpy', torch: 'cpu', cuda: 'cuda' },
  accelerate: {
    python: 'random_state',
    numpy: 'numpy_random_seed',
    torch: 'torch_manual_seed',
    cuda: 'torch_cuda_manual_seed',
  },
} as const

/**
 * Random states for the ranks that lack one, seeded from the run's own seed, the step and the rank, so that no rank draws
 * what another draws and none what the first steps have drawn. Where another number of processes is to resume, the files of
 * the ranks that stay are kept byte for byte, under the names that this number asks for, and those of the others are left out.
 */
export function rebuildRng(facts: Facts, { worldSize }: Pick<Context, 'worldSize'>): Anew[] {
  const { checkpoint } = facts
  const usable = usableIn(checkpoint)
  if (worldSize === undefined && !facts.lost.has('rng') && usable.length === checkpoint.state.rng.length) return []
  const trained = checkpoint.state.worldSize ?? facts.others[0]?.state.worldSize ?? 1
  const processes = worldSize ?? trained
  const name = namesFor(checkpoint.layout, processes)
  const parts = worldSize !== undefined && worldSize !== trained ? partsOfRanks(checkpoint) : undefined
  if (parts !== undefined) return notMade('rng', name(0), parts)
  if (processes > MOST_RANKS)
    return notMade('rng', name(0), `Of ${processes} processes; at most ${MOST_RANKS} are seeded`)
  const have = new Map(usable.map((each) => [each.rank ?? 0, each.file]).reverse() as [number, string][])
  const ranks = Array.from({ length: processes }, (_, rank) => rank)
  const gone = ranks.filter((rank) => !have.has(rank))
  const model = modelOf(facts, usable)
  const seeds = gone.map((rank) => seedOf(facts, rank))
  const fresh = gone.map((rank, i) => stateFile(name(rank), seeds[i] as number, model, facts))
  const moved = worldSize === undefined ? [] : ranks.flatMap((rank) => movedTo(name(rank), have.get(rank), checkpoint))
  const wanted = new Set(ranks.map(name))
  const removed = worldSize === undefined ? [] : rngFiles(checkpoint).filter((path) => !wanted.has(path))
  const [subject] = [...[...fresh, ...moved].map(({ path }) => path), ...removed]
  if (subject === undefined) return []
  const files = [...fresh, ...moved]
  const seeded = fresh.length > 0 ? [seededFrom(facts, gone, processes, seeds)] : []
  if (worldSize === undefined) return [{ component: 'rng', subject, evidence: seeded.join(), files }]
  const kept = processes - gone.length
  const evidence = [`The files of ${plural(kept)} are kept as they are`, ...seeded, ...clock(facts, worldSize)].join(
    '. ',
  )
  const dropped = [...have].filter(([rank]) => rank >= processes).map(([, file]) => file)
  const lost = dropped.length > 0 ? [`The random states of ${plural(dropped.length)}: ${list(dropped, 8)}`] : undefined
  const action = `Make the random states of ${plural(trained)} those of ${processes}`
  return [{ component: 'rng', subject, action, evidence, files, removed, worldSize, ...(lost && { lost }) }]
}

/** The states that would load: neither malformed nor in a file that was cut off. */
function usableIn({ files, state }: Checkpoint): RngState[] {
  const damaged = files.filter(({ findings }) => findings.some(({ severity }) => severity === 'error'))
  return state.rng.filter(
    ({ file, malformed }) => malformed === undefined && !damaged.some(({ path }) => path === file),
  )
}

function plural(processes: number): string {
  return `${processes} ${processes === 1 ? 'process' : 'processes'}`
}

function seededFrom({ args }: Facts, gone: readonly number[], processes: number, seeds: readonly number[]): string {
  const from = args === undefined ? 'the step' : `the run's seed ${numberOf(args.seed) ?? 0} and the step`
  const ranks = gone.length === 1 && processes === 1 ? '' : ` for ${gone.length} of ${processes} processes`
  return `Freshly seeded${ranks} with ${list(seeds.map(String))}, from ${from}: what was drawn last is not known`
}

/** An AcceleratedScheduler steps once for each process (accelerate 1.15, scheduler.py), so its count goes on at another pace. */
function clock({ checkpoint, step }: Facts, processes: number): string[] {
  const last = checkpoint.state.schedulers[0]?.lastEpoch
  const each = checkpoint.layout === 'accelerate' && last !== undefined && step > 0 ? last / step : processes
  if (!Number.isInteger(each) || each < 1 || each === processes) return []
  return [`The scheduler, left as it is, has counted ${each} a step; with ${plural(processes)} it counts ${processes}`]
}

/** Why the rest of the checkpoint cannot be loaded by another number of processes; undefined where it can. */
function partsOfRanks({ files }: Checkpoint): string | undefined {
  const part = files.find(({ path }) => /(^|\/)(zero|bf16_zero)_pp_rank_\d+_mp_rank_\d+/.test(path))
  if (!part) return undefined
  return `The optimizer lies in parts for as many ranks as trained (${part.path}), which DeepSpeed loads with that number only`
}

/** The file of a rank that stays, where it goes by another name than it has. */
function movedTo(path: string, from: string | undefined, checkpoint: Checkpoint): NewFile[] {
  return from === undefined || from === path ? [] : [copiedFile(path, 'rng', checkpoint, from)]
}

const RNG_FILE = /^(rng_state(_\d+)?\.pth|random_states_\d+\.pkl)$/

function rngFiles({ files }: Checkpoint): string[] {
  return files.map(({ path }) => path).filter((path) => RNG_FILE.test(path))
}

/** A plan holds the states of all ranks, some 10 kB each. */
const MOST_RANKS = 1024

function namesFor(layout: string, processes: number): (rank: number) => string {
  if (layout === 'accelerate') return (rank) => `random_states_${rank}.pkl`
  return (rank) => (processes === 1 ? 'rng_state.pth' : `rng_state_${rank}.pth`)
}

/** A state of another rank, or of another checkpoint of the run, that tells which generators there are and how many devices. */
function modelOf(facts: Facts, usable: readonly RngState[]): PyValue | undefined {
  const [own] = usable
  const file = own && facts.checkpoint.files.find(({ path }) => path === own.file)
  if (file?.value !== undefined) return file.value
  for (const { state } of facts.others) {
    const path = state.rng[0]?.file
    const other = path === undefined ? undefined : fileElsewhere(facts, path)
    if (other) return other.file.value
  }
  return undefined
}

function stateFile(path: string, seed: number, model: PyValue | undefined, { checkpoint }: Facts): NewFile {
  const layout = checkpoint.layout === 'accelerate' ? 'accelerate' : 'trainer'
  const entries = mappingOf(model)
  const value = new PyDict()
  const store = new Store()
  // What `Accelerator.step` counts is the same on every rank.
  if (layout === 'accelerate') value.entries.set('step', asNumber(entries?.get('step')) ?? 0)
  for (const [generator, key] of Object.entries(KEYS[layout])) {
    const there = entries?.get(key)
    if (generator === 'cuda' && there === undefined) continue
    const like = { numpy: numpyModule(model), devices: sequenceOf(there)?.length }
    const made = generatorState(generator, seed, like, store)
    if (made !== undefined) value.entries.set(key, made)
  }
  return torchFile(path, 'rng', value, store.stored)
}

/** `numpy._core` since NumPy 2.0, which both read; a file of an older one is answered in its own words. */
export function numpyModule(model: PyValue | undefined): string {
  const seen = new Set<PyValue>()
  const ahead: PyValue[] = model === undefined ? [] : [model]
  for (let value = ahead.pop(); value !== undefined; value = ahead.pop()) {
    if (value instanceof PyGlobal && value.path.startsWith('numpy.core.')) return 'numpy.core'
    const node = containerOf(value)
    if (!node || seen.has(node) || torchTensorOf(value)) continue
    seen.add(node)
    for (const part of partsOf(node)) ahead.push(part)
  }
  return 'numpy._core'
}
