import type { Checkpoint } from '../../checkpoint/checkpoint'
import { type Finding, finding } from '../../finding'
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
    yield* lostGradients(checkpoint)
  },
}

/**
 * A norm of the gradients that is NaN or infinite in the last row logged. In float16 that is daily life: the scaler skips such
 * steps. The Trainer leaves losses that are NaN out of what it logs (`logging_nan_inf_filter`), so that a loss of 0 stands there.
 */
function* lostGradients(checkpoint: Checkpoint): Generator<Finding> {
  const { metrics, loss } = history(checkpoint)
  const last = metrics.grad_norm?.at(-1)
  const scaled = checkpoint.components.some(({ id, status }) => id === 'scaler' && status !== 'not-applicable')
  if (!last || Number.isFinite(last.value) || scaled) return
  const hidden = loss.find(({ step, value }) => step === last.step && value === 0)
  const note = hidden ? ', and the loss logged there is 0, as the Trainer writes it where it was NaN' : ''
  const message = `The norm of the gradients is ${last.value} at step ${last.step}${note}`
  yield finding('trainer/loss-non-finite', `step ${last.step}`, message, {
    evidence: { step: last.step, to: String(last.value) },
  })
}
