import type { History, RunFacts, RunRow } from '../../../contract/schemas'
import type { ReadRun } from '../../api/run'
import { baseName, toNumber } from '../../ui/format'
import type { Dot } from '../training/series'

export type RunCheckpoint = RunRow

/** The loss over the whole run: as its logs tell it, or where there are none by step as its checkpoints remember it. */
export function loggedOf(history: History | null, checkpoints: readonly RunCheckpoint[]): History | undefined {
  if (history?.lossUnit === 'step' && history.loss.length > 0) return history
  const loss = checkpoints.flatMap((checkpoint) => checkpoint.loss ?? []).toSorted((a, b) => a.step - b.step)
  if (loss.length === 0) return undefined
  return { ...NO_HISTORY, loss, evalLoss: history?.lossUnit === 'step' ? history.evalLoss : [] }
}

const NO_HISTORY: History = {
  loss: [],
  evalLoss: [],
  learningRate: [],
  metrics: {},
  lossUnit: 'step',
  schedule: null,
  jumps: [],
  spikes: [],
  resumes: [],
  abandoned: [],
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
  /** Not looked at yet. */
  | { readonly kind: 'listed'; readonly listed: ReadRun['listed'][number] }
  | { readonly kind: 'gap'; readonly gap: RunFacts['gaps'][number] }
  /** Of several runs, the one whose checkpoints follow. */
  | { readonly kind: 'run'; readonly name: string; readonly count: number; readonly going: string | null }
  | { readonly kind: 'half'; readonly half: RunFacts['halfWritten'][number] }

/**
 * Newest first; of several runs one after the other. Gaps and saves that were not ended lie where they belong: above the first
 * checkpoint that is not after them; those whose name has no step on top.
 */
export function timelineOf(run: Pick<ReadRun, 'name' | 'listed' | 'checkpoints' | 'facts'>): TimelineRow[] {
  const names = [...new Set(run.listed.map((each) => each.run))]
  if (names.length < 2) return timelineOfOne(run)
  const half = (run.facts?.halfWritten ?? []).map((each): TimelineRow => ({ kind: 'half', half: each }))
  const parts = names.toReversed().flatMap((folder) => {
    const name = folder ?? run.name
    const gaps = run.facts?.gaps.filter((gap) => gap.run === name) ?? []
    const facts = run.facts && { ...run.facts, gaps, halfWritten: [] }
    const listed = run.listed.filter((each) => each.run === folder)
    const head = { kind: 'run' as const, name, count: listed.length, going: goingOf(run.facts, name) }
    return [head, ...timelineOfOne({ ...run, listed, facts })]
  })
  return [...half, ...parts]
}

function goingOf(facts: RunFacts | null, name: string): string | null {
  const run = facts?.runs?.find((each) => each.name === name)
  if (!run) return null
  if (run.lastGood !== null) return `exactly resumable from ${baseName(run.lastGood)}`
  return run.lastUsable === null ? 'none of them loads' : 'none resumes exactly'
}

function timelineOfOne({
  listed,
  checkpoints,
  facts,
}: Pick<ReadRun, 'listed' | 'checkpoints' | 'facts'>): TimelineRow[] {
  const read = new Map(checkpoints.map((checkpoint) => [checkpoint.path, checkpoint]))
  const waiting = [
    ...(facts?.gaps ?? []).map((gap) => ({ at: gap.from, row: { kind: 'gap', gap } as const })),
    ...(facts?.halfWritten ?? []).map((half) => ({ at: stepIn(half.name), row: { kind: 'half', half } as const })),
  ].toSorted((a, b) => b.at - a.at)
  const rows: TimelineRow[] = []
  const put = (step: number) => {
    for (let next = waiting[0]; next && step <= next.at; next = waiting[0]) {
      rows.push(next.row)
      waiting.shift()
    }
  }
  for (const each of listed.toReversed()) {
    const checkpoint = read.get(each.path)
    // Read, and not among the rows: it was removed meanwhile.
    if (!checkpoint && facts) continue
    put(checkpoint?.step ?? each.step ?? Number.POSITIVE_INFINITY)
    rows.push(checkpoint ? { kind: 'checkpoint', checkpoint } : { kind: 'listed', listed: each })
  }
  put(Number.NEGATIVE_INFINITY)
  return rows
}

/** The last number in a name: `tmp-checkpoint-500`. */
function stepIn(name: string): number {
  const digits = name.match(/\d+(?=\D*$)/)?.[0]
  return digits === undefined ? Number.POSITIVE_INFINITY : Number(digits)
}
