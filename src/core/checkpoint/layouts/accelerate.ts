import { finding } from '../../finding'
import type { ComponentId } from '../checkpoint'
import type { Draft } from '../draft'
import { filesLike, foldersLike, type Listing } from '../listing'
import { some } from '../names'
import { processesByScheduler, ratesAgree, ratesMoved } from '../training/rates'
import { markWeights, openWeights } from '../weights'
import { checkRanks, largest, missing, notApplicable, openRanks, openStates } from './common'
import { openDistributedFolders } from './dcp'
import { openZero, zeroFolder } from './deepspeed'
import type { Layout } from './layout'
import { byRankName, openRankFiles } from './rank-files'

const RNG = /^random_states_(\d+)\.pkl$/

/**
 * A folder of `Accelerator.save_state` (accelerate 1.15, checkpointing.py): one model and one optimizer for each that was
 * prepared (the first without a number), a random state for each process, a pickle for each registered object.
 */
export const accelerate: Layout = {
  id: 'accelerate',
  label: 'Accelerate state',
  matches(listing) {
    return (
      filesLike(
        listing,
        /^(random_states_\d+\.pkl|custom_checkpoint_\d+\.pkl|(optimizer|scheduler|sampler)(_\d+)?\.bin)$/,
      ).length > 0
    )
  },
  async open(draft) {
    const { listing } = draft
    const states = (pattern: RegExp) => numbered(filesLike(listing, pattern))
    await openModels(draft)
    await openOptimizers(draft)
    await openStates(draft, 'scheduler', states(/^scheduler(_\d+)?\.bin$/), schedulerAbsent(draft))
    checkNumbers(draft, 'scheduler', 'scheduler')
    await openStates(
      draft,
      'scaler',
      states(/^scaler\.pt$/),
      notApplicable('No scaler.pt: only training in float16 writes one'),
    )
    await openStates(
      draft,
      'sampler',
      states(/^(sampler|dl_state_dict)(_\d+)?\.bin$/),
      notApplicable('No sampler.bin: Accelerate writes one for few kinds of data sets'),
    )
    // Where data loaders keep a state, every one of them does; of samplers only some do (checkpointing.py).
    checkNumbers(draft, 'sampler', 'dl_state_dict')
    await openRanks(draft, states(RNG), RNG, missing('No random_states_0.pkl: shuffling and dropout would not repeat'))
    await openStates(
      draft,
      'custom',
      states(/^custom_checkpoint_\d+\.pkl$/),
      notApplicable('No custom_checkpoint_0.pkl: no object was registered'),
    )
    countProcesses(draft)
  },
}

/** Models told one by one where many are missing: numbers in names may be of any size. */
const MOST_TOLD = 50
/** No training has had more; a count beyond comes from damaged counters. */
const MOST_PROCESSES = 2 ** 17

async function openModels(draft: Draft): Promise<void> {
  const { listing } = draft
  const sharded = foldersLike(listing, /^pytorch_model_fsdp_\d+$/)
  const files = modelsOf(listing)
  if (files.length === 0 && sharded.length > 0) return openDistributedFolders(draft, 'weights', sharded)
  const pieces = files.length === 0 ? filesLike(listing, /^pytorch_model_fsdp(_\d+)?_rank\d+\.bin$/) : []
  if (pieces.length > 0) {
    const opened = []
    for (const paths of byRankName(pieces)) opened.push(...(await openRankFiles(draft, paths, 'weights')))
    return markWeights(draft, opened, 'weights', 'The files of the ranks hold no weights')
  }
  await openWeights(draft, { files, unread: [] }, 'weights', 'No model.safetensors or pytorch_model.bin in the folder')
  const numbers = files.map(numberIn)
  const last = largest(numbers)
  for (let i = 0, told = 0; i < last && told < MOST_TOLD; i++) {
    if (numbers.includes(i)) continue
    told++
    const name = (files[0] as string).replace(/(_\d+)?\.(\w+)$/, `${i === 0 ? '' : `_${i}`}.$2`)
    draft.findings.push(
      finding(
        'weights/missing-shard',
        name,
        `${name} is not here, although ${files.at(-1)} is: models are numbered from 0`,
      ),
    )
  }
}

/** The folder to which DeepSpeed saved, if it did (accelerator.py, `save_state`). */
function zeroOf(listing: Listing): string | undefined {
  return foldersLike(listing, /^pytorch_model$/).find((folder) => zeroFolder(listing, folder))
}

/** A file for each model; safetensors where the same model is there in both forms. */
function modelsOf(listing: Listing): string[] {
  const byNumber = new Map<number, string>()
  for (const pattern of [/^model(_\d+)?\.safetensors$/, /^pytorch_model(_fsdp)?(_\d+)?\.bin$/]) {
    for (const path of filesLike(listing, pattern)) {
      const number = numberIn(path)
      if (!byNumber.has(number)) byNumber.set(number, path)
    }
  }
  return [...byNumber].sort(([a], [b]) => a - b).map(([, path]) => path)
}

/** In the order in which they were prepared: the first has no number. */
function numbered(paths: readonly string[]): string[] {
  return [...paths].sort((a, b) => numberIn(a) - numberIn(b))
}

function numberIn(path: string): number {
  return Number(/_(\d+)\.\w+$/.exec(path)?.[1] ?? 0)
}

async function openOptimizers(draft: Draft): Promise<void> {
  const paths = numbered(filesLike(draft.listing, /^optimizer(_\d+)?\.bin$/))
  const sharded = foldersLike(draft.listing, /^optimizer_\d+$/)
  if (paths.length === 0 && sharded.length > 0) return openDistributedFolders(draft, 'optimizer', sharded)
  const pieces = paths.length === 0 ? filesLike(draft.listing, /^optimizer_\d+_rank\d+\.bin$/) : []
  for (const each of byRankName(pieces)) await openRankFiles(draft, each, 'optimizer')
  const zero = paths.length === 0 ? zeroOf(draft.listing) : undefined
  if (zero !== undefined) return openZero(draft, zero, { weights: modelsOf(draft.listing).length === 0, whole: false })
  await openStates(draft, 'optimizer', paths, missing('No optimizer.bin: its moments would start from zero'))
  checkNumbers(draft, 'optimizer', 'optimizer')
}

/** Files of one kind are numbered from 0, the first without its number: a number left out is a file that was lost. */
function checkNumbers(draft: Draft, id: ComponentId, stem: string): void {
  const have = filesLike(draft.listing, new RegExp(`^${stem}(_\\d+)?\\.bin$`)).map(numberIn)
  const last = largest(have)
  const gone = Array.from({ length: Math.min(last, MOST_TOLD) }, (_, i) => i).filter((i) => !have.includes(i))
  const names = gone.map((i) => `${stem}${i === 0 ? '' : `_${i}`}.bin`)
  const { status, files } = draft.component(id)
  if (names.length === 0 || status !== 'present') return
  const are = names.length === 1 ? 'is' : 'are'
  const why = `${some(names)} ${are} not here, although ${stem}_${last}.bin is: they are numbered from 0`
  draft.mark(id, 'missing', files, why)
}

/** A scheduler leaves `initial_lr` in the groups of its optimizer; where there is none, none was used. */
function schedulerAbsent(draft: Draft) {
  const used = draft.optimizers.some(({ groups }) => groups.some(({ initialLr }) => initialLr !== undefined))
  return used
    ? missing('No scheduler.bin, but initial_lr in the optimizer says that a scheduler was used')
    : notApplicable('No scheduler.bin, and nothing in the optimizer says that a scheduler was used')
}

/**
 * An AcceleratedScheduler steps once for each process (accelerate/scheduler.py), so `last_epoch` = k x `step` betrays k of
 * them, when both are of one save: a stale optimizer makes such a ratio as well. Rates that have moved and agree show that they
 * are; the files of random states are there to be counted.
 */
function countProcesses(draft: Draft): void {
  const name = (rank: number) => `random_states_${rank}.pkl`
  const files = draft.worldSize ?? 0
  const [optimizer] = draft.optimizers
  const [scheduler] = draft.schedulers
  const known = draft.resizedTo !== undefined && draft.resizedTo === files
  const ratio = (known ? undefined : processesByScheduler(optimizer, scheduler)) ?? 1
  const agree = optimizer && scheduler && ratesAgree(optimizer, scheduler)
  if (optimizer && scheduler && ratio > files && ratio <= MOST_PROCESSES && agree !== false) {
    const counts = `the scheduler counts ${scheduler.lastEpoch} steps where the optimizer counts ${optimizer.step}`
    const sure = agree === true && ratesMoved(optimizer)
    const why = sure
      ? `${counts}, so ${ratio} processes trained`
      : `${counts}: either ${ratio} processes trained, or the optimizer is of an earlier save`
    checkRanks(draft, ratio, why, name)
  } else if (files > 0) {
    checkRanks(draft, files, `the highest rank here is ${files - 1}`, name)
  }
}
