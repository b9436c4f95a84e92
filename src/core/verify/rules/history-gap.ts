import { type Finding, finding } from '../../finding'
import { history } from '../../history/history'
import type { Rule } from '../rule'

/** Points from which the usual distance of two can be told. */
const LEAST_POINTS = 5
/** A gap is so many times the usual distance. */
const TIMES_USUAL = 3

/** Steps that the log does not tell of: before it begins, in its midst, or between its end and the checkpoint. */
export const historyGap: Rule = {
  ids: ['trainer/history-gap'],
  needs: 'structure',
  *check({ checkpoint }) {
    const { loss, lossUnit } = history(checkpoint)
    const steps = loss.map(({ step }) => step)
    const [first] = steps
    const last = steps.at(-1)
    if (lossUnit !== 'step' || steps.length < LEAST_POINTS || first === undefined || last === undefined) return
    const distances = steps.slice(1).map((step, i) => step - (steps[i] as number))
    const usual = [...distances].sort((a, b) => a - b)[distances.length >> 1] as number
    // A run that logs less often from some step on has no gap there.
    const wide = Math.max(usual, distances.at(-1) as number) * TIMES_USUAL
    if (first > wide) yield gap(0, first)
    for (const [i, distance] of distances.entries()) {
      const after = distances.slice(i + 1, i + 1 + LEAST_POINTS)
      const stays = after.length > 0 && after.every((each) => each * 2 > distance)
      if (distance > usual * TIMES_USUAL && !stays && after.length > 0)
        yield gap(steps[i] as number, steps[i + 1] as number)
    }
    const own = checkpoint.state.step
    if (own !== undefined && own - last > wide) yield gap(last, own)
  },
}

function gap(from: number, to: number): Finding {
  const where = from === 0 ? `begins at step ${to}` : `tells nothing of the steps from ${from} to ${to}`
  return finding('trainer/history-gap', `step ${to}`, `The history ${where}`, { evidence: { from, to } })
}
