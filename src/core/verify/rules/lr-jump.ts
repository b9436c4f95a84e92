import { finding } from '../../finding'
import { history } from '../../history/history'
import type { Point } from '../../history/points'
import type { Rule } from '../rule'

/** Relative difference up to which a logged rate is that of the schedule. */
const TOLERANCE = 0.02
/** Points that must agree on one side of the jump, and disagree on the other. */
const LEAST = 3

/**
 * Logged rates that leave the schedule which the saved scheduler draws, or join it only later: somebody resumed with other
 * settings or without the scheduler. Where the whole log differs, the schedule is not the one that was logged.
 */
export const lrJump: Rule = {
  ids: ['trainer/lr-jump'],
  needs: 'structure',
  *check({ checkpoint }) {
    const { learningRate, schedule } = history(checkpoint)
    if (!schedule) return
    const fits = learningRate.map((point) => isOn(schedule.rateAt, point))
    for (let i = LEAST; i + LEAST <= fits.length; i++) {
      const before = fits.slice(i - LEAST, i)
      const after = fits.slice(i, i + LEAST)
      const leaves = before.every((fit) => fit) && !after.some((fit) => fit)
      const joins = after.every((fit) => fit) && !before.some((fit) => fit)
      const here = learningRate[i] as Point
      const last = learningRate[i - 1] as Point
      if (!leaves && !joins) continue
      const message = leaves
        ? `The learning rate leaves the ${schedule.kind} schedule at step ${here.step}: it goes from ${text(last)} to ${text(here)}`
        : `The learning rate follows the ${schedule.kind} schedule only from step ${here.step} on: it goes from ${text(last)} to ${text(here)}`
      yield finding('trainer/lr-jump', `step ${here.step}`, message, {
        evidence: { step: here.step, from: last.value, to: here.value },
      })
      return
    }
  },
}

function text({ value }: Point): string {
  return value.toPrecision(3)
}

/** Whether the schedule has the rate at its step or at one beside it: logs are written before or after the scheduler steps. */
function isOn(rateAt: (step: number) => number, { step, value }: Point): boolean {
  const near = [-2, -1, 0, 1, 2].filter((lead) => step + lead > 0).map((lead) => rateAt(step + lead))
  const least = Math.min(...near)
  const most = Math.max(...near)
  return value >= least - TOLERANCE * Math.abs(least) && value <= most + TOLERANCE * Math.abs(most)
}
