import { mappingOf, type PyValue, sequenceOf } from '../../decode/pickle/value'
import type { Draft } from '../draft'
import { type Absent, missing, notApplicable } from './common'
import { producerOf } from './producers'

/**
 * Marks what a script's files turned out to hold beside the weights: optimizer, scheduler and random states are missed when
 * they are not there, the rest is not. `where` ends the sentences: `in checkpoint.pt`.
 */
export function settleStates(draft: Draft, where: string): void {
  draft.markFiles(
    'optimizer',
    draft.holders('optimizer'),
    missing(`No optimizer state ${where}: its moments would start from zero`),
  )
  draft.markFiles('scheduler', draft.holders('scheduler'), schedulerAbsent(draft, where))
  draft.markFiles(
    'scaler',
    draft.holders('scaler'),
    notApplicable(`No grad-scaler state ${where}; only training in float16 has one`),
  )
  draft.markFiles('sampler', draft.holders('sampler'), notApplicable(`No sampler state ${where}`))
  draft.markFiles(
    'rng',
    draft.holders('rng'),
    missing(`No random states ${where}: shuffling and dropout would not repeat`),
  )
  const trainer = draft.holders('trainer')
  if (tellsProgress(draft)) draft.markFiles('trainer', trainer, notApplicable(''))
  else draft.mark('trainer', 'not-applicable', [], `No count of steps ${where}`)
  if (draft.rng.length > 0 && draft.worldSize === undefined) draft.worldSize = draft.rng.length
}

function schedulerAbsent(draft: Draft, where: string): Absent {
  const gone = missing(`No scheduler state ${where}: the learning rate would start over`)
  if (draft.holders('optimizer').length === 0) return gone
  const own = draft.files.flatMap(({ value }) => producerOf(value)?.scheduler ?? [])[0]
  if (own) return own
  // A scheduler leaves `initial_lr` in the groups of its optimizer (torch/optim/lr_scheduler.py, 2.13).
  const groups = draft.optimizers.flatMap((optimizer) => optimizer.groups)
  if (groups.length === 0 || groups.some(({ initialLr }) => initialLr !== undefined)) return gone
  return draft.files.some(({ value }) => saysNone(value))
    ? notApplicable('lr_schedulers is empty: Lightning trained at a constant learning rate')
    : missing(`No scheduler state ${where}, and no mark of a scheduler in the optimizer`)
}

/** Lightning saves a list of schedulers whether there are any or not (pytorch_lightning 2.6, checkpoint_connector.py). */
function saysNone(value: PyValue | undefined): boolean {
  const entries = mappingOf(value)
  return entries?.has('pytorch-lightning_version') === true && sequenceOf(entries.get('lr_schedulers'))?.length === 0
}

/** A step, or an epoch beside something to go on with: an epoch beside bare weights is a label. */
function tellsProgress(draft: Draft): boolean {
  const step = draft.counters.some(({ source }) => source !== 'optimizer.step' && source !== 'scheduler.last_epoch')
  return step || (draft.epoch !== undefined && draft.optimizers.length > 0)
}
