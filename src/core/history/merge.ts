import type { Point } from './points'

/** One series as one source tells it: the log in a checkpoint, a table, an event file. */
export interface Source {
  /** What to call it: a checkpoint's name, a file of the run. */
  readonly name: string
  /** When it was written last, in milliseconds since 1970. */
  readonly time: number
  /** In the order written. Where the steps go back, training was taken up again from before. */
  readonly points: readonly Point[]
}

/** A stretch of training that a later attempt has gone over again. */
export interface Abandoned {
  readonly source: string
  readonly points: readonly Point[]
}

export interface Merged {
  /** The course that leads to the latest attempt, by step. */
  readonly line: readonly Point[]
  readonly abandoned: readonly Abandoned[]
  /** Steps after which training was taken up again, in order; 0 where it began anew. */
  readonly resumes: readonly number[]
}

/** Event files keep float32: values that far apart are one. */
const TOLERANCE = 1e-6
/** Times that all lie within a second were made by a copy, and order nothing (as transformers' rotation has it). */
const COPIED_MS = 1000

/**
 * Joins what several sources tell of one series, in whatever order they are given. Sources that agree on the steps they
 * share are one course. Where a later one tells another value, or goes back without repeating what is there, training was
 * resumed from before that step: the earlier course from there on is abandoned, and kept apart.
 */
export function mergeSources(sources: readonly Source[]): Merged {
  const told = sources.filter(({ points }) => points.length > 0)
  const [only] = told
  if (told.length < 2 && rises(only?.points ?? [])) return { line: only?.points ?? [], abandoned: [], resumes: [] }
  const passes = passesOf(told)
  let line = new Map<number, number>()
  const abandoned: Abandoned[] = []
  const owner = new Map<number, string>()
  const resumes = new Set<number>()
  const known = new Map<number, number[]>()
  for (const { name, points } of passes) {
    // Two logs of one training both tell of each attempt: what is known is no return to it.
    if (points.every(({ step, value }) => known.get(step)?.some((other) => same(other, value)))) continue
    for (const { step, value } of points) {
      const values = known.get(step)
      if (values) values.push(value)
      else known.set(step, [value])
    }
    const cut = branchOf(line, points)
    if (cut !== undefined) {
      resumes.add(cut)
      const left = [...line].filter(([step]) => step > cut).sort(([a], [b]) => a - b)
      for (const each of bySource(left, owner)) abandoned.push(each)
      line = new Map([...line].filter(([step]) => step <= cut))
    }
    for (const { step, value } of points) {
      if (line.has(step)) continue
      line.set(step, value)
      owner.set(step, name)
    }
  }
  return {
    line: [...line].map(([step, value]) => ({ step, value })).sort((a, b) => a.step - b.step),
    abandoned,
    resumes: [...resumes].sort((a, b) => a - b),
  }
}

interface Pass {
  readonly name: string
  readonly points: readonly Point[]
}

/** The stretches in which steps only rise, from the earliest source to the latest. */
function passesOf(told: readonly Source[]): Pass[] {
  const times = told.map(({ time }) => time)
  const dated = Math.max(...times) - Math.min(...times) > COPIED_MS
  const keyed = told.map((source) => ({ ...source, last: lastStep(source.points) }))
  keyed.sort(
    (a, b) =>
      (dated ? a.time - b.time : 0) ||
      a.last - b.last ||
      a.points.length - b.points.length ||
      ordered(a.name, b.name) ||
      ordered(textOf(a.points), textOf(b.points)),
  )
  return keyed.flatMap(({ name, points }) => rising(points).map((each) => ({ name, points: each })))
}

function lastStep(points: readonly Point[]): number {
  return points.at(-1)?.step ?? 0
}

function ordered(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function textOf(points: readonly Point[]): string {
  return points.map(({ step, value }) => `${step}:${value}`).join()
}

/** Whether every step is above the one before. */
function rises(points: readonly Point[]): boolean {
  return points.every(({ step }, i) => i === 0 || step > (points[i - 1] as Point).step)
}

function rising(points: readonly Point[]): Point[][] {
  const passes: Point[][] = []
  let last = Number.POSITIVE_INFINITY
  for (const point of points) {
    // The same step logged twice in a row is no return: the later value stands.
    if (point.step === last) passes.at(-1)?.pop()
    else if (point.step < last) passes.push([])
    passes.at(-1)?.push(point)
    last = point.step
  }
  return passes
}

/** The last step of `line` that still stands before `points`, or undefined where they do not contradict it. */
function branchOf(line: ReadonlyMap<number, number>, points: readonly Point[]): number | undefined {
  const first = points[0]?.step ?? 0
  let agreed: number | undefined
  for (const { step, value } of points) {
    const known = line.get(step)
    if (known === undefined) continue
    if (!same(known, value)) return agreed ?? before(line, first)
    agreed = step
  }
  if (agreed !== undefined) return undefined
  const goesBack = [...line.keys()].some((step) => step >= first)
  return goesBack ? before(line, first) : undefined
}

function before(line: ReadonlyMap<number, number>, first: number): number {
  let last = 0
  for (const step of line.keys()) if (step < first && step > last) last = step
  return last
}

function same(a: number, b: number): boolean {
  return Object.is(a, b) || Math.abs(a - b) <= TOLERANCE * Math.max(Math.abs(a), Math.abs(b))
}

function bySource(points: readonly (readonly [number, number])[], owner: ReadonlyMap<number, string>): Abandoned[] {
  const groups = new Map<string, Point[]>()
  for (const [step, value] of points) {
    const name = owner.get(step) ?? ''
    const group = groups.get(name) ?? []
    groups.set(name, group)
    group.push({ step, value })
  }
  return [...groups].map(([source, group]) => ({ source, points: group }))
}
