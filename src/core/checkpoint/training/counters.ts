import { fieldsOf, numberOf, type Plain } from '../../decode/plain'
import type { Counter } from '../checkpoint'

/** What scripts call their count of optimizer steps, the surest first. */
const STEP_KEYS = [
  ...['global_step', 'global_steps', 'step', 'current_step', 'iteration', 'iter', 'iter_num', 'num_updates', 'steps'],
  ...['it', 'n_iter', 'iterations', 'step_count'],
  // Stable-Baselines3: steps of the environment.
  'num_timesteps',
]
const EPOCH_KEYS = ['epoch', 'current_epoch', 'epochs_trained']

interface Count {
  readonly key: string
  readonly value: number
}

/** The count of steps in a record, and the key it stands under. */
export function stepIn(record: Plain): Count | undefined {
  return firstCount(record, STEP_KEYS)
}

/** The epoch in a record; a fraction where the trainer counts so. */
export function epochIn(record: Plain): Count | undefined {
  return firstCount(record, EPOCH_KEYS)
}

function firstCount(record: Plain, keys: readonly string[]): Count | undefined {
  for (const place of PLACES) {
    const fields = fieldsOf(place.reduce<Plain | undefined>(stepInto, record))
    for (const key of keys) {
      const value = fields && Object.hasOwn(fields, key) ? numberOf(fields[key]) : undefined
      if (value !== undefined && Number.isFinite(value) && value >= 0) return { key: [...place, key].join('.'), value }
    }
  }
  return undefined
}

/** Where the counts stand: in the record itself, MMEngine's `meta`, fairseq's history, whose last entry is the present. */
const PLACES: readonly (readonly string[])[] = [
  [],
  ['meta'],
  ['optimizer_history'],
  ['extra_state'],
  ['extra_state', 'train_iterator'],
]

function stepInto(value: Plain | undefined, key: string): Plain | undefined {
  const fields = fieldsOf(value)
  const inner = fields && Object.hasOwn(fields, key) ? fields[key] : undefined
  return Array.isArray(inner) ? inner.at(-1) : inner
}

/**
 * The count of steps to believe: what the trainer or a script wrote down, then the optimizer's own, then the scheduler's (unless
 * several processes may have stepped it, as Accelerate's do, or it goes with the epochs), then the name of the folder.
 */
export function surest(
  counters: readonly Counter[],
  { processes, epoch }: { readonly processes: number; readonly epoch?: number },
): number | undefined {
  const by = (name: string) => counters.find(({ source }) => source === name)?.value
  const derived = new Set(['optimizer.step', 'scheduler.last_epoch', 'folder name'])
  const told = counters.find(({ source }) => !derived.has(source))?.value ?? by('optimizer.step')
  const scheduler = by('scheduler.last_epoch')
  const countsEpochs = epoch !== undefined && scheduler !== undefined && Math.abs(epoch - scheduler) <= 1
  const stepped = processes === 1 && !countsEpochs ? scheduler : undefined
  return told ?? stepped ?? by('folder name')
}
