import type { History } from '../../../contract/schemas'
import { visible } from '../../ui/safe-text'
import { dotsOf, type Line, smooth } from './series'

/** Lines of so few values mark each of them. */
const FEW = 12

/** One logged series: smoothed with the raw line faint behind it, or as it is; and what earlier attempts logged of it. */
export function seriesLines(
  { key, name, colour }: Pick<Line, 'key' | 'name' | 'colour'>,
  points: History['loss'],
  weight: number,
): Line[] {
  const raw = dotsOf(points)
  if (raw.length === 0) return []
  if (weight === 0) return [{ key, name, dots: raw, colour, marked: raw.length < FEW }]
  return [
    { key: `${key} raw`, name: `${name} as logged`, dots: raw, colour, style: 'faint' },
    { key, name: `${name}, smoothed`, dots: smooth(raw, weight), colour },
  ]
}

/** The course of the loss, the evaluations beside it, and the attempts that were given up. */
export function lossLines(logged: Pick<History, 'loss' | 'evalLoss' | 'abandoned' | 'resumes'>, weight = 0): Line[] {
  const evaluated = dotsOf(logged.evalLoss)
  return [
    ...abandonedLines(logged, 'loss', 1),
    ...seriesLines({ key: 'loss', name: 'Loss', colour: 1 }, logged.loss, weight),
    ...abandonedLines(logged, 'evalLoss', 2),
    ...(evaluated.length > 0
      ? [{ key: 'eval', name: 'Eval loss', dots: evaluated, colour: 2, marked: true } as const]
      : []),
  ]
}

/** What earlier attempts logged of a series beyond the step that a later one was resumed from. */
export function abandonedLines(told: Told, series: string, colour: Line['colour']): Line[] {
  return attemptsOf(told, series).map(({ sources, points }, i) => ({
    key: `${series} abandoned ${i}`,
    name: `Abandoned (${sources.map(visible).join(', ')})`,
    dots: dotsOf(points),
    colour,
    style: 'abandoned',
    marked: points.length < 3,
  }))
}

type Told = Pick<History, 'abandoned' | 'resumes'>

/** An attempt that was given up, and the checkpoints or logs that tell of it. */
interface Attempt {
  readonly sources: readonly string[]
  readonly points: History['loss']
}

/** The attempts of a series that were given up: stretches that follow each other without a resume between are one. */
export function attemptsOf({ abandoned, resumes }: Told, series: string): Attempt[] {
  const attempts: Attempt[] = []
  for (const { source, points } of abandoned.filter((stretch) => stretch.series === series)) {
    const before = attempts.at(-1)
    const last = before?.points.at(-1)?.step ?? Number.NaN
    const first = points[0]?.step ?? Number.NaN
    const follows = first > last && !resumes.some((step) => step >= last && step < first)
    if (before && follows) {
      attempts.splice(-1, 1, { sources: [...before.sources, source], points: [...before.points, ...points] })
    } else attempts.push({ sources: [source], points })
  }
  return attempts
}
