import { finding } from '../../finding'
import { history } from '../../history/history'
import type { Rule } from '../rule'

/** What the run's own log says of its health. About the run, not the files: it does not touch the verdict. */
export const lossJump: Rule = {
  ids: ['trainer/loss-jump', 'trainer/loss-non-finite'],
  needs: 'structure',
  *check({ checkpoint }) {
    const { jumps, lossUnit } = history(checkpoint)
    for (const { series, step, from, to } of jumps) {
      if (series !== 'loss') continue
      const at = `${lossUnit} ${step}`
      const evidence = { step, from, to: Number.isFinite(to) ? to : String(to) }
      const before = from.toPrecision(4)
      if (Number.isFinite(to)) {
        const message = `The loss jumps from ${before} to ${to.toPrecision(4)} at ${at} and stays there`
        yield finding('trainer/loss-jump', at, message, { evidence })
      } else {
        yield finding('trainer/loss-non-finite', at, `The loss turns ${to} at ${at}, after ${before}`, { evidence })
      }
    }
  },
}
