import { fieldsOf, numberOf, type Plain } from '../../decode/plain'

/** Points kept of all series of a log: one every 10 steps of 20 million. */
const MOST_POINTS = 2_000_000

/** Logged numbers by name, each with the step (or epoch) it was logged at, as a record keeps them. */
export class Series {
  private readonly byName = new Map<string, { at: number[]; values: number[] }>()
  #points = 0

  get points(): number {
    return this.#points
  }

  /** Adds a point; beyond two million nothing more is kept. */
  add(name: string, at: number, value: number): void {
    if (this.#points >= MOST_POINTS) return
    this.#points++
    const known = this.byName.get(name)
    if (known) {
      known.at.push(at)
      known.values.push(value)
    } else this.byName.set(name, { at: [at], values: [value] })
  }

  /** `{series: {<name>: {steps: [...], values: [...]}}}`, or `epochs` in place of `steps`. */
  record(unit: 'steps' | 'epochs'): Plain {
    const series: { [name: string]: Plain } = Object.create(null)
    for (const [name, { at, values }] of this.byName) series[name] = { [unit]: at, values }
    return { series }
  }
}

/**
 * One record of what several files logged, the oldest first: each begins where training was taken up again, so that of the
 * files before it only what lies before its first step stands.
 */
export function joined(records: readonly Plain[]): Plain {
  const all = new Map<string, { steps: Plain[]; values: Plain[] }>()
  for (const record of records) {
    for (const [name, series] of Object.entries(fieldsOf(fieldsOf(record)?.series) ?? {})) {
      const { steps, values } = fieldsOf(series) ?? {}
      if (!Array.isArray(steps) || !Array.isArray(values)) continue
      const first = numberOf(steps[0]) ?? 0
      const before = all.get(name) ?? { steps: [], values: [] }
      const stands = before.steps.map((step) => (numberOf(step) ?? 0) < first)
      all.set(name, {
        steps: [...before.steps.filter((_, i) => stands[i]), ...steps],
        values: [...before.values.filter((_, i) => stands[i]), ...values],
      })
    }
  }
  const series: { [name: string]: Plain } = Object.create(null)
  for (const [name, one] of all) series[name] = { ...one }
  return { series }
}
