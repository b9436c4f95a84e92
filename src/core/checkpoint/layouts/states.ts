import type { Draft } from '../draft'
import { missing, notApplicable } from './common'
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
  const own = draft.files.flatMap(({ value }) => producerOf(value)?.scheduler ?? [])[0]
  draft.markFiles(
    'scheduler',
    draft.holders('scheduler'),
    (draft.holders('optimizer').length > 0 && own) ||
      missing(`No scheduler state ${where}: the learning rate would start over`),
  )
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

/** A step, or an epoch beside something to go on with: an epoch beside bare weights is a label. */
function tellsProgress(draft: Draft): boolean {
  const step = draft.counters.some(({ source }) => source !== 'optimizer.step' && source !== 'scheduler.last_epoch')
  return step || (draft.epoch !== undefined && draft.optimizers.length > 0)
}
