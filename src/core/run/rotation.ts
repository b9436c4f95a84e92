import type { RunRow } from './row'

export interface Rotation {
  /** Checkpoints that are kept. */
  readonly limit: number
  /** Whether the training arguments set it, or it is an example of what a limit would do. */
  readonly set: boolean
  /** Paths of those that would go, in that order. */
  readonly removes: readonly string[]
  /** Bytes that would be free. */
  readonly frees: number
}

/** What a run without a limit of its own is shown with: one to go on from, one in case it is damaged, and one more. */
const EXAMPLE = 3

/**
 * What `rotate_checkpoints` of transformers (5.18, trainer_utils.py) would remove at the next save: the oldest, by number,
 * but neither the newest nor the best. Null for a run that no Trainer rotates, or with nothing to remove.
 */
export function rotation(rows: readonly RunRow[]): Rotation | null {
  const own = rows.filter(({ name }) => /^checkpoint-\d+$/.test(name))
  const newest = own.at(-1)
  if (!newest) return null
  const { limit = EXAMPLE, best } = newest.settings
  const spared = own.filter((row) => row === newest || row.name === best)
  const excess = Math.max(0, own.length - Math.max(limit, spared.length))
  const removed = own.filter((row) => !spared.includes(row)).slice(0, excess)
  return {
    limit,
    set: newest.settings.limit !== undefined,
    removes: removed.map(({ path }) => path),
    frees: removed.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}
