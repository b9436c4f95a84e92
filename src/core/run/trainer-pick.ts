import type { Overlap } from './facts'
import type { RunRow } from './row'

/** What `Trainer.train(resume_from_checkpoint=True)` would go on from. */
export interface TrainerPick {
  readonly path: string
  readonly name: string
  readonly wise: boolean
  /** One or two sentences: why it is, or what would happen and what to name instead. */
  readonly why: string
}

/**
 * transformers' `get_last_checkpoint` (5.18, trainer_utils.py) takes the folder `checkpoint-<number>` with the highest
 * number, whatever is in it. `best`: path of the one to go on from. Null where no name fits.
 */
export function trainerPick(
  rows: readonly RunRow[],
  best: string | null,
  overlaps: readonly Overlap[],
): TrainerPick | null {
  const own = rows.filter(({ name }) => /^checkpoint-\d+$/.test(name))
  const number = ({ name }: RunRow) => Number(name.slice('checkpoint-'.length))
  const pick = own.find((row) => own.every((other) => number(other) <= number(row)))
  if (!pick) return null
  const { path, name, verification } = pick
  const picked = { path, name }
  const other = rows.find((row) => row.path === best && row !== pick)
  const instead = other ? ` Name ${other.name} instead.` : ''
  const old = overlaps.find((overlap) => overlap.path === path)
  const [reason = ''] = verification.resume.why
  if (verification.resume.level === 'none') {
    return { ...picked, wise: false, why: `It has the highest number and cannot be resumed from: ${reason}${instead}` }
  }
  if (old) {
    const why = `It is left over from an earlier attempt, which a later one has gone over again from step ${old.from} on.`
    return { ...picked, wise: false, why: `${why} Name the checkpoint to go on from.` }
  }
  if (other) return { ...picked, wise: false, why: `${reason}${instead}` }
  return { ...picked, wise: true, why: reason }
}
