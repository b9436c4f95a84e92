import type { History } from '../../../contract/schemas'
import { baseName, formatCount, formatValue, toNumber } from '../../ui/format'
import { attemptsOf } from './loss'
import type { Range } from './range'

/** Something in a chart that has a name. */
export interface ChartEvent {
  readonly key: string
  readonly kind: 'spike' | 'jump' | 'lost' | 'resume' | 'abandoned'
  readonly x: number
  /** Where it is ringed; null for what has no height. */
  readonly y: number | null
  readonly text: string
  /** What to look at it in. */
  readonly range: Range
}

type Told = Pick<History, 'jumps' | 'spikes' | 'resumes' | 'abandoned' | 'loss' | 'lossUnit'>

const NAMES: Readonly<Record<string, string>> = { loss: '', evalLoss: ' of the eval loss', learningRate: '' }

/** What happened in the named series, in order: spikes, jumps, values that are no numbers, resumes, attempts given up. */
export function eventsOf(told: Told, series: readonly string[]): ChartEvent[] {
  const { lossUnit: unit, resumes } = told
  const leaps = (kind: 'jump' | 'spike') =>
    told[`${kind}s`]
      .filter((leap) => series.includes(leap.series))
      .map(({ series: of, step, from, to }): ChartEvent => {
        const lost = !Number.isFinite(toNumber(to))
        const after = kind === 'jump' ? resumeBefore(told, step) : undefined
        const name = lost ? 'No number' : kind === 'jump' ? 'Jump' : 'Spike'
        const where = `${name}${NAMES[of] ?? ''} at ${unit} ${formatCount(step)}`
        const why = after === undefined ? '' : `, right after training was resumed from ${formatCount(after)}`
        return {
          key: `${kind} ${of} ${step}`,
          kind: lost ? 'lost' : kind,
          x: step,
          y: lost ? null : toNumber(to),
          text: `${where}${why}: ${formatValue(from)} → ${formatValue(to)}`,
          range: around(told, step),
        }
      })
  const resumed = resumes.map(
    (step): ChartEvent => ({
      key: `resume ${step}`,
      kind: 'resume',
      x: step,
      y: null,
      text: step === 0 ? 'Training was begun anew' : `Training was resumed from ${unit} ${formatCount(step)}`,
      range: around(told, step),
    }),
  )
  const abandoned = attemptsOf(told, series[0] ?? '').map(({ sources, points }): ChartEvent => {
    const [first, last] = [points[0]?.step ?? 0, points.at(-1)?.step ?? 0]
    const stretch = first === last ? formatCount(first) : `${formatCount(first)} to ${formatCount(last)}`
    return {
      key: `abandoned ${first} ${last}`,
      kind: 'abandoned',
      x: first,
      y: null,
      text: `Abandoned attempt: ${unit} ${stretch} in ${sources.map(baseName).join(', ')} was gone over again`,
      range: [first - (last - first || 10), last + (last - first || 10)],
    }
  })
  return [...leaps('jump'), ...leaps('spike'), ...resumed, ...abandoned].sort((a, b) => a.x - b.x)
}

/** The resume that nothing was logged between and `step`. */
function resumeBefore({ resumes, loss }: Told, step: number): number | undefined {
  const resume = resumes.findLast((each) => each < step)
  if (resume === undefined || resume === 0) return undefined
  return loss.some((point) => point.step > resume && point.step < step) ? undefined : resume
}

/** Some thirty values to either side of a step. */
function around({ loss }: Told, step: number): Range {
  const at = loss.findIndex((point) => point.step >= step)
  const from = loss[Math.max(0, (at < 0 ? loss.length : at) - 30)]?.step ?? step - 30
  const to = at < 0 ? step + 30 : (loss[Math.min(loss.length - 1, at + 30)]?.step ?? step + 30)
  return [Math.min(from, step - 1), Math.max(to, step + 1)]
}
