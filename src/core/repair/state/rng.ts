import type { RngState } from '../../checkpoint/checkpoint'
import { torchTensorOf } from '../../decode/pickle/torch'
import { asNumber, mappingOf, PyDict, PyGlobal, type PyValue, sequenceOf } from '../../decode/pickle/value'
import { containerOf, partsOf } from '../../decode/pickle/walk'
import { numberOf } from '../../decode/plain'
import { list } from '../../verify/text'
import type { Stored } from '../../write/torch-zip'
import type { NewFile } from '../steps'
import { type Anew, notMade } from './anew'
import { type Facts, fileElsewhere } from './facts'
import { torchFile } from './file'
import { generatorState } from './generators'

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

/** Seeds are 32 bits wide for NumPy. */
const SEEDS = 2 ** 32

/**
 * Random states for the ranks that lack one, seeded from the run's own seed, the step and the rank, so that no rank draws
 * what another draws and none what the first steps have drawn.
 */
export function rebuildRng(facts: Facts): Anew[] {
  const { checkpoint, step, args } = facts
  if (!facts.lost.has('rng') && checkpoint.state.rng.every(({ malformed }) => malformed === undefined)) return []
  const usable = checkpoint.state.rng.filter(({ malformed }) => malformed === undefined)
  const processes = checkpoint.state.worldSize ?? facts.others[0]?.state.worldSize ?? 1
  const have = new Set(usable.map(({ rank }) => rank ?? 0))
  const name = namesFor(checkpoint.layout, processes)
  if (processes > MOST_RANKS)
    return notMade('rng', name(0), `Of ${processes} processes; at most ${MOST_RANKS} are seeded`)
  const gone = Array.from({ length: processes }, (_, rank) => rank).filter((rank) => !have.has(rank))
  const [first] = gone.map(name)
  if (first === undefined) return []
  const model = modelOf(facts, usable)
  const base = numberOf(args?.seed) ?? 0
  const files = gone.map((rank): NewFile => stateFile(name(rank), (base + step + rank) % SEEDS, model, facts))
  const seeds = gone.map((rank) => String((base + step + rank) % SEEDS))
  const from = args === undefined ? 'the step' : `the run's seed ${base} and the step`
  const ranks = gone.length === 1 && processes === 1 ? '' : ` for ${gone.length} of ${processes} processes`
  const evidence = `Freshly seeded${ranks} with ${list(seeds)}, from ${from}: what was drawn last is not known`
  return [{ component: 'rng', subject: first, evidence, files }]
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
  const stored: Stored[] = []
  // What `Accelerator.step` counts is the same on every rank.
  if (layout === 'accelerate') value.entries.set('step', asNumber(entries?.get('step')) ?? 0)
  for (const [generator, key] of Object.entries(KEYS[layout])) {
    const there = entries?.get(key)
    if (generator === 'cuda' && there === undefined) continue
    const like = { numpy: numpyModule(model), devices: sequenceOf(there)?.length }
    const made = generatorState(generator, seed, like, stored.length)
    if (!made) continue
    value.entries.set(key, made.value)
    stored.push(...made.stored)
  }
  return torchFile(path, 'rng', value, stored)
}

/** `numpy._core` since NumPy 2.0, which both read; a file of an older one is answered in its own words. */
function numpyModule(model: PyValue | undefined): string {
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
