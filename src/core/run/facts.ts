import type { Run } from '../checkpoint/checkpoint'
import { runsOf } from '../checkpoint/run'
import type { Finding } from '../finding'
import type { Point } from '../history/points'
import { levelled, type RuleLevels } from '../verify/levels'
import { type HalfWritten, halfWritten } from './half-written'
import { stalePointers } from './pointers'
import { type Rotation, rotation } from './rotation'
import type { RunRow } from './row'
import { type TrainerPick, trainerPick } from './trainer-pick'

/** What a run is as a whole. Paths are those of its checkpoints. */
export interface RunFacts {
  /** The last that training can resume from exactly. */
  readonly lastGood: string | null
  /** That, or where there is none the last that loads at all. */
  readonly lastUsable: string | null
  /** Steps from one save to the next, as set or as is usual here. Null where there are too few to tell. */
  readonly interval: number | null
  readonly gaps: readonly Gap[]
  readonly overlaps: readonly Overlap[]
  readonly halfWritten: readonly HalfWritten[]
  /** Bytes of all its checkpoints. */
  readonly bytes: number
  /** Null where there is nothing to rotate. */
  readonly rotation: Rotation | null
  /** Null where the names are not those that a Trainer looks for. */
  readonly trainerPick: TrainerPick | null
  /** What is wrong with the run as a whole, with none of its checkpoints. */
  readonly findings: readonly Finding[]
  /** Each of the runs, where there are several. */
  readonly runs?: readonly OneRun[]
}

/** One of several runs, with what to go on from in it. */
export interface OneRun {
  readonly name: string
  readonly path: string
  readonly lastGood: string | null
  readonly lastUsable: string | null
}

/** A stretch without checkpoints where there should be some. */
export interface Gap {
  readonly from: number
  readonly to: number
  /** Checkpoints that should lie between. */
  readonly missing: number
  /** The run that it is in, where there are several. */
  readonly run?: string
}

/** A checkpoint that training went over again after it was resumed from an earlier one. */
export interface Overlap {
  readonly path: string
  readonly name: string
  /** The first step at which its log tells another story than that of the later attempt, and the last that both tell. */
  readonly from: number
  readonly to: number
  /** A checkpoint of the later attempt. */
  readonly by: string
}

/**
 * Weighs what the rows of a run tell together; only names are read from the disk. Of several runs in one folder the interval
 * and the Trainer's ways are not told: each has its own. Throws AssayError as `listFolder`.
 */
export async function factsOf(run: Run, rows: readonly RunRow[], rules: RuleLevels = new Map()): Promise<RunFacts> {
  const found: { readonly run: Run; readonly written: number; readonly facts: RunFacts }[] = []
  for (const each of runsOf(run)) {
    const paths = new Set(each.checkpoints.map(({ path }) => path))
    const own = rows.filter(({ path }) => paths.has(path))
    if (own.length === 0) continue
    const written = Math.max(...own.map(({ modified }) => modified))
    found.push({ run: each, written, facts: await factsOfOne(each, own, rules, run.path) })
  }
  const [only] = found
  if (only && found.length === 1) return only.facts
  const latest = found.toSorted((a, b) => b.written - a.written).map(({ facts }) => facts)
  const all = found.map(({ facts }) => facts)
  return {
    lastGood: latest.find(({ lastGood }) => lastGood !== null)?.lastGood ?? null,
    lastUsable: latest.find(({ lastUsable }) => lastUsable !== null)?.lastUsable ?? null,
    interval: null,
    gaps: found.flatMap(({ run: { name }, facts }) => facts.gaps.map((gap) => ({ ...gap, run: name }))),
    overlaps: all.flatMap(({ overlaps }) => overlaps),
    halfWritten: all.flatMap(({ halfWritten: half }) => half),
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
    rotation: null,
    trainerPick: null,
    findings: all.flatMap(({ findings }) => findings),
    runs: found.map(({ run: { name, path }, facts: { lastGood, lastUsable } }) => ({
      name,
      path,
      lastGood,
      lastUsable,
    })),
  }
}

async function factsOfOne(run: Run, rows: readonly RunRow[], rules: RuleLevels, root: string): Promise<RunFacts> {
  const lastGood = latestOf(rows.filter(({ verification }) => verification.verdict === 'complete'))
  const lastUsable = lastGood ?? latestOf(rows.filter(({ verification }) => verification.resume.level !== 'none'))
  const steps = [...new Set(rows.flatMap(({ step }) => step ?? []))].sort((a, b) => a - b)
  const interval = intervalOf(rows, steps)
  const overlaps = overlapsOf(rows)
  return {
    lastGood,
    lastUsable,
    interval,
    gaps: gapsOf(steps, interval),
    overlaps,
    halfWritten: halfWritten(run, rows),
    bytes: rows.reduce((sum, { bytes }) => sum + bytes, 0),
    rotation: rotation(rows),
    trainerPick: trainerPick(rows, lastUsable, overlaps),
    findings: levelled(await stalePointers(run, root), rules),
  }
}

/** The one of the highest step, of two the one listed last; by place alone where not all tell a step. */
function latestOf(rows: readonly RunRow[]): string | null {
  const steps = rows.flatMap(({ step }) => step ?? [])
  const highest = Math.max(...steps)
  const latest = steps.length < rows.length ? rows.at(-1) : rows.findLast(({ step }) => step === highest)
  return latest?.path ?? null
}

function intervalOf(rows: readonly RunRow[], steps: readonly number[]): number | null {
  const apart = differences(steps)
  const set = rows.findLast(({ settings }) => settings.every !== undefined)?.settings.every
  // Saving by epoch leaves `save_steps` at a number that nothing was saved by.
  const [only] = apart
  const seen =
    apart.length === 1 && only !== undefined
      ? (each: number) => only % each === 0
      : (each: number) => apart.includes(each)
  if (set !== undefined && seen(set)) return set
  apart.sort((a, b) => a - b)
  return apart.length < 2 ? null : (apart[(apart.length - 1) >> 1] as number)
}

function gapsOf(steps: readonly number[], interval: number | null): Gap[] {
  if (interval === null) return []
  return differences(steps).flatMap((apart, i) => {
    const [from, to] = [steps[i] as number, steps[i + 1] as number]
    return apart > 1.5 * interval ? [{ from, to, missing: Math.max(1, Math.ceil(apart / interval) - 1) }] : []
  })
}

function differences(steps: readonly number[]): number[] {
  return steps.slice(1).map((step, i) => step - (steps[i] as number))
}

/**
 * Neighbours whose logs part belong to two attempts: training was resumed from before the one that is older, which was left
 * over. By content: times alone say little where a run was copied.
 */
function overlapsOf(rows: readonly RunRow[]): Overlap[] {
  const logged = rows.filter(({ logs }) => logs.loss.length > 0 && logs.lossUnit === 'step')
  const found = new Map<string, Overlap>()
  for (const [i, b] of logged.entries()) {
    const a = logged[i - 1]
    const parted = a && partOf(a.logs.loss, b.logs.loss)
    if (!a || !parted) continue
    const [older, later] = a.modified <= b.modified ? [a, b] : [b, a]
    if (!found.has(older.path)) found.set(older.path, { path: older.path, name: older.name, ...parted, by: later.path })
  }
  return [...found.values()]
}

/** The first step that two series tell differently, and the last that both tell. Undefined where they agree. */
function partOf(a: readonly Point[], b: readonly Point[]): { from: number; to: number } | undefined {
  const byStep = new Map(a.map(({ step, value }) => [step, value]))
  const shared = b.filter(({ step }) => byStep.has(step))
  const from = shared.find(({ step, value }) => !Object.is(byStep.get(step), value))?.step
  return from === undefined ? undefined : { from, to: shared.at(-1)?.step ?? from }
}
