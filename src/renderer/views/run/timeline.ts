import type { OpenedRun } from '../../../contract/contract'
import type { History } from '../../../contract/schemas'
import { toNumber } from '../../ui/format'
import { type Dot, dotsOf, type Line } from '../training/series'

export type RunCheckpoint = OpenedRun['checkpoints'][number]
type Gap = OpenedRun['gaps'][number]

/** The loss over the whole run: as its logs tell it, or where there are none as its checkpoints remember it. */
export function lossLines(history: History | undefined, checkpoints: readonly RunCheckpoint[]): Line[] {
  const logged = history?.lossUnit === 'step' ? history : undefined
  const loss = logged?.loss.length ? logged.loss : checkpoints.flatMap((checkpoint) => checkpoint.loss ?? [])
  const lines: Line[] = []
  if (loss.length > 0) lines.push({ key: 'loss', name: 'Loss', dots: inOrder(dotsOf(loss)), colour: 1 })
  if (logged?.evalLoss.length) {
    lines.push({ key: 'eval', name: 'Eval loss', dots: dotsOf(logged.evalLoss), colour: 2, marked: true })
  }
  return lines
}

/** How high a checkpoint stands: on the loss logged last before its step, or where it remembers a loss, on that. */
export function heightAt(dots: readonly Dot[], checkpoint: RunCheckpoint): number | null {
  const { step, loss } = checkpoint
  const before = step === undefined ? undefined : dots.findLast(({ x, y }) => x <= step && y !== null)
  if (before) return before.y
  const remembered = loss === null ? Number.NaN : toNumber(loss.value)
  return Number.isFinite(remembered) ? remembered : null
}

export type TimelineRow =
  | { readonly kind: 'checkpoint'; readonly checkpoint: RunCheckpoint }
  | { readonly kind: 'gap'; readonly gap: Gap }

/** Newest first, every gap where it lies: above the first checkpoint that is not after it. */
export function timelineOf({ checkpoints, gaps }: Pick<OpenedRun, 'checkpoints' | 'gaps'>): TimelineRow[] {
  const waiting = gaps.toSorted((a, b) => b.from - a.from)
  const rows: TimelineRow[] = []
  for (const checkpoint of checkpoints.toReversed()) {
    for (let next = waiting[0]; next && (checkpoint.step ?? Number.POSITIVE_INFINITY) <= next.from; next = waiting[0]) {
      rows.push({ kind: 'gap', gap: next })
      waiting.shift()
    }
    rows.push({ kind: 'checkpoint', checkpoint })
  }
  return rows
}

function inOrder(dots: readonly Dot[]): Dot[] {
  return dots.toSorted((a, b) => a.x - b.x)
}
